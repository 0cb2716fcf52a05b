import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Measure } from "../measure.ts";

const EDITS_PER_ROUND = 4;

/** The ways editors write a file: in place, and by a rename over it. */
const WRITERS: readonly ((path: string, text: string) => Promise<void>)[] = [
  (path, text) => writeFile(path, text),
  async (path, text) => {
    await writeFile(`${path}~`, text);
    await rename(`${path}~`, path);
  },
];

/** How soon an edited `service.json` is what the API says. */
export const editMeasure: Measure = {
  name: "edit",
  about: "a service.json edit to the change seen by an API client",
  async run({ berth: { api, home }, session, rounds }) {
    const path = join(home, "sessions", session.id, "service.json");
    const original = await readFile(path, "utf8");
    const samples: number[] = [];
    for (let edit = 0; edit < rounds * EDITS_PER_ROUND; edit += 1) {
      const slug = `edit-${edit}`;
      const content = { ...(JSON.parse(original) as Record<string, unknown>), SLUG: slug };
      await WRITERS[edit % WRITERS.length]?.(path, JSON.stringify(content));
      const written = performance.now();
      await api.until(session.id, `slug ${slug}`, (now) => now.slug === slug);
      samples.push(performance.now() - written);
    }
    await writeFile(path, original);
    await api.until(session.id, "the slug as it was", ({ slug }) => slug === session.slug);
    return [
      {
        measure: "`service.json` edit → seen",
        unit: "ms",
        samples: { berth: samples },
        wanted: { of: "value", at: "most", limit: 300 },
      },
    ];
  },
};

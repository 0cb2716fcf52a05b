import { readFile, rename, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Berth } from "../support/berth.ts";
import { eventually } from "../support/eventually.ts";

const ECHO_SERVICE = {
  "start_template.sh": `exec "$berth_node" -e '
    require("node:http").createServer((request, response) => response.end(request.url))
      .listen(Number(process.argv[1]), "127.0.0.1")' "$service_port"\n`,
  "service.yaml": "slug: first\n",
};

let berth: Berth;
let id: string;
let file: string;

beforeAll(async () => {
  berth = await Berth.start({ services: { echo: ECHO_SERVICE } });
  ({ id } = await berth.launch({ service: "echo" }));
  await berth.until(id, "running");
  file = join(berth.home, "sessions", id, "service.json");
});

afterAll(async () => {
  await berth[Symbol.asyncDispose]();
});

const current = async (): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;

const seen = (slug: string): Promise<unknown> =>
  eventually(async () => (await berth.session(id)).slug === slug, { what: `the slug "${slug}" at the edge` });

const EDITORS: Record<string, (text: string) => Promise<void>> = {
  "in place": (text) => writeFile(file, text, { flag: "r+" }),
  "by truncating and writing": async (text) => {
    await truncate(file);
    await writeFile(file, text);
  },
  "by an atomic rename": async (text) => {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  },
};

describe("an edit of service.json is seen at the edge", () => {
  it.each(Object.keys(EDITORS))("%s", async (how) => {
    const slug = `edited-${how.replaceAll(" ", "-")}-${"x".repeat(64)}`;
    await EDITORS[how]?.(`${JSON.stringify({ ...(await current()), SLUG: slug })}\n`);
    await seen(slug);
  });

  it("in the older platform's spelling of a slug", async () => {
    await EDITORS["by an atomic rename"]?.(
      JSON.stringify({ ...(await current()), SLUG: 'tree?dt="+(new Date()).getTime()' }),
    );
    await eventually(async () => /^tree\?dt=\d{13}$/.test((await berth.session(id)).slug), {
      what: "the slug with its time",
    });
  });

  it("as a change of the status, which the loading page shows, and back", async () => {
    const before = await current();
    await EDITORS["by an atomic rename"]?.(JSON.stringify({ ...before, JOB_STATUS: "Installing software" }));
    const { url } = await eventually(
      async () => {
        const session = await berth.session(id);
        return session.status === "Installing software" ? session : undefined;
      },
      { what: "the status at the edge" },
    );
    const page = await berth.fetch(url ?? "", { headers: { accept: "text/html" } });
    expect(page.status).toBe(503);
    expect(await page.text()).toContain("Installing software");
    await EDITORS["by an atomic rename"]?.(JSON.stringify({ ...before, JOB_STATUS: " r " }));
    await eventually(async () => (await berth.session(id)).state === "running", {
      what: "the session to run again",
    });
    expect((await berth.fetch(url ?? "")).status).toBe(200);
  });
});

describe("a broken service.json", () => {
  it("keeps the last good state, and the session's log says so", async () => {
    const good = await readFile(file, "utf8");
    const before = await berth.session(id);
    await writeFile(file, '{ "URL": "/me", "PORT": ');
    await eventually(
      async () => /service\.json/.test(await (await berth.fetch(`/api/sessions/${id}/logs`)).text()),
      {
        what: "the log to tell of it",
      },
    );
    const now = await berth.session(id);
    expect(now.state).toBe(before.state);
    expect(now.port).toBe(before.port);
    await writeFile(file, good);
  });
});

it("unknown keys of a person's hand survive what Berth writes", async () => {
  await EDITORS["by an atomic rename"]?.(
    JSON.stringify({ ...(await current()), SLUG: "last", MY_NOTE: "keep me" }),
  );
  await seen("last");
  await berth.cancel(id);
  await berth.until(id, "canceled");
  expect(await current()).toMatchObject({ MY_NOTE: "keep me", JOB_STATUS: "Canceled" });
});

import type { LaunchRequest } from "../../contract/session.ts";
import type { BerthStage, Measure } from "../measure.ts";

/** Seconds that the service waits before it listens, so that no phase of the agent's probing is always hit. */
const WAITS = [0, 0.73, 1.41, 2.17, 2.89];

/** The service answers when it began to listen, by the clock of this same machine. */
async function listeningSince(origin: string, url: string, headers: Record<string, string>): Promise<number> {
  const response = await fetch(new URL("since", `${origin}${url}`), { headers });
  const { since } = (await response.json()) as { since: number };
  return since;
}

/**
 * How soon a client of the API learns that a session can be used.
 * @param where it is launched: in the workspace unless it says so
 * @param most milliseconds
 */
export const runningMeasure = (most: number, where: Partial<LaunchRequest> = {}): Measure<BerthStage> => ({
  name: "running",
  about: "service listening to `running` seen by an API client",
  async run({ berth: { api }, rounds }) {
    const samples: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const { id } = await api.launch("bench", {
        ...where,
        inputs: { wait: WAITS[round % WAITS.length] ?? 0 },
      });
      const { url } = await api.running(id);
      const seen = performance.timeOrigin + performance.now();
      samples.push(seen - (await listeningSince(api.origin, url ?? "", api.headers)));
      await api.cancel(id);
    }
    return [
      {
        measure: "Service listening → `running` seen",
        unit: "ms",
        samples: { berth: samples },
        wanted: { of: "value", at: "most", limit: most },
      },
    ];
  },
});

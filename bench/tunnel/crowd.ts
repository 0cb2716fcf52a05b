import { setTimeout as delay } from "node:timers/promises";
import { isEnded } from "../../contract/session.ts";
import { mustRun } from "../../test/cluster/command.ts";
import type { Api } from "../api.ts";
import type { Measure } from "../measure.ts";
import { idleMemory } from "../memory.ts";
import { poll } from "../poll.ts";
import type { Row } from "../row.ts";
import { jobQueries } from "./scheduler-calls.ts";
import type { TunnelStage } from "./stage.ts";
import { COMPUTE } from "./stage.ts";

const SESSIONS = 100;
/** Launches and cancels that are under way at a time. */
const AT_ONCE = 10;
/** Two cores start a hundred jobs, each with its ssh, one after the other; milliseconds. */
const DEADLINE = 600_000;

/** How long the scheduler's calls are counted, and the agent's pace where nothing is about to change; milliseconds. */
const COUNTED = 30_000;
const TICK = 5000;
/** One more than fits: of two that are just within. */
const TICKS = COUNTED / TICK + 1;

/** How long the least memory is looked for, milliseconds: with a collection of garbage in it. */
const MEMORY = 10_000;

type Crowd = { memory: number; queries: number };

/** What the agent of a stage costs now. */
async function lookAt({ berth, cluster, signal }: TunnelStage): Promise<Crowd> {
  const asked = async (): Promise<number> => jobQueries(await cluster.host("ctl").mustExec(["sdiag"]));
  const before = await asked();
  await delay(COUNTED, undefined, { signal });
  const queries = (await asked()) - before;
  return { memory: await idleMemory(await berth.pid("agent"), MEMORY), queries };
}

/** The agent's connections to the controller's sshd. */
async function connections({ berth }: TunnelStage): Promise<number> {
  const agent = await berth.pid("agent");
  const output = await mustRun(["ss", "-H", "-t", "-n", "-p", "state", "established", "dport = :22"]);
  return output.split("\n").filter((line) => line.includes(`pid=${agent},`)).length;
}

/** Does something `SESSIONS` times, some of them at once. */
async function many<Item, Result>(
  items: readonly Item[],
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const left = items.values();
  const work = async (): Promise<void> => {
    for (const item of left) results.push(await act(item));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}

async function untilAll(
  api: Api,
  ids: ReadonlySet<string>,
  what: "running" | "ended",
  signal: AbortSignal,
): Promise<void> {
  const areAll = async (): Promise<boolean> => {
    const all = (await api.sessions()).filter(({ id }) => ids.has(id));
    const failed = all.find(({ state }) => state === "failed");
    if (failed !== undefined) throw new Error(`session ${failed.id} failed: ${failed.error}`);
    return all.every(({ state }) => (what === "running" ? state === "running" : isEnded(state)));
  };
  const options = { timeoutMs: DEADLINE, what: `${ids.size} sessions to be ${what}`, signal, everyMs: 500 };
  await poll(areAll, options);
}

const told = (measure: string, unit: string, sample: number): Row => ({
  measure,
  unit,
  samples: { berth: [sample] },
  wanted: null,
});

const most = (limit: number): Pick<Row, "wanted"> => ({ wanted: { of: "value", at: "most", limit } });

/** A hundred sessions in jobs of their own, more than the one that the other measures use. */
export const crowdMeasure: Measure<TunnelStage> = {
  name: "crowd",
  about: `${SESSIONS} sessions on one agent: ssh connections, status queries, memory`,
  async run(stage) {
    const { signal } = stage;
    const { api } = stage.berth;
    const before = await lookAt(stage);
    const begun = performance.now();
    const launch = () => api.launch("listener", COMPUTE);
    const launched = await many(Array.from({ length: SESSIONS }), launch);
    const ids = new Set(launched.map(({ id }) => id));
    await untilAll(api, ids, "running", signal);
    const started = (performance.now() - begun) / 1000;
    const [during, ssh] = [await lookAt(stage), await connections(stage)];
    await many([...ids], (id) => api.askToCancel(id));
    await untilAll(api, ids, "ended", signal);
    const after = await idleMemory(await stage.berth.pid("agent"), MEMORY);
    const measure = `${SESSIONS} sessions more`;
    const queries = `Status queries in ${COUNTED / 1000} s`;
    return [
      told(`${measure}: all launched → all running`, "s", started),
      { ...told(`${measure}: ssh connections`, "", ssh), ...most(1) },
      told(`${queries}, 1 session`, "", before.queries),
      { ...told(`${queries}, ${measure}`, "", during.queries), ...most(TICKS) },
      told(`Agent's memory, 1 session`, "MiB", before.memory),
      {
        ...told(`${measure}: agent's memory, each`, "MiB", (during.memory - before.memory) / SESSIONS),
        ...most(4),
      },
      told(`Agent's memory above that, after their end`, "MiB", after - before.memory),
    ];
  },
};

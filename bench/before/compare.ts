import { Berth } from "../berth.ts";
import { cpuTime } from "../cpu.ts";
import { requests } from "../load/requests.ts";
import { interleave, pick } from "../measure.ts";
import type { Row } from "../row.ts";
import type { Side, Target } from "../target.ts";
import { Checkout } from "./checkout.ts";
import { visit } from "./visit.ts";

const CONNECTIONS = 16;
const SECONDS = 3;

/** Both ways into one Berth's session: as a program shows its token, as a browser shows its cookie. */
async function targetsOf(name: Side, berth: Berth): Promise<{ token: Target; cookie: Target }> {
  const { port } = await berth.api.running((await berth.api.launch("bench")).id);
  if (port === null) throw new Error("a session that runs has no port");
  const token = { ...berth.target(port), name };
  const headers = await visit(berth.api.origin, berth.api.headers, `${token.prefix}/1k`);
  return { token, cookie: { ...token, headers } };
}

/**
 * The small GET through this tree and through an earlier commit's, in turn: what has become of it since.
 * @param commit any name that git knows
 */
export async function compare(
  commit: string,
  options: { rounds: number; signal: AbortSignal },
): Promise<Row[]> {
  const { rounds, signal } = options;
  await using stack = new AsyncDisposableStack();
  const checkout = stack.use(await Checkout.of(commit));
  const before = stack.use(await Berth.start(signal, {}, checkout.path));
  const now = stack.use(await Berth.start(signal));
  const [old, ours] = [await targetsOf("peer", before), await targetsOf("berth", now)];
  const rows: Row[] = [];
  for (const by of ["token", "cookie"] as const) {
    const results = await interleave(
      { targets: [ours[by], old[by]], rounds, signal },
      async (target, until) => {
        const edge = await (target.name === "berth" ? now : before).pid("edge");
        const load = { path: "/1k", bytes: 1024, connections: CONNECTIONS, seconds: SECONDS, signal: until };
        const begun = cpuTime(edge);
        const result = await requests(target, load);
        return { ...result, cpu: (cpuTime(edge) - begun) / (result.rate * SECONDS) };
      },
    );
    rows.push(
      {
        measure: `1 KiB GET by ${by}, now against ${commit}`,
        unit: "requests/s",
        samples: pick(results, ({ rate }) => rate),
        wanted: { of: "ratio", at: "least", limit: 0.9 },
      },
      {
        measure: `1 KiB GET by ${by}, now against ${commit}, p99`,
        unit: "ms",
        samples: pick(results, ({ p99 }) => p99),
        wanted: null,
      },
      {
        measure: `1 KiB GET by ${by}, now against ${commit}, the edge's processor time for each`,
        unit: "ms",
        samples: pick(results, ({ cpu }) => cpu),
        wanted: null,
      },
    );
  }
  return rows;
}

import type { Berth, BerthProcess } from "../berth.ts";
import { PROCESSES } from "../berth.ts";
import { receiveFlood } from "../load/socket.ts";
import { Progress } from "../load/progress.ts";
import type { TransferOptions } from "../load/transfer.ts";
import { download, upload } from "../load/transfer.ts";
import type { Measure } from "../measure.ts";
import { idleMemory, MemoryWatch } from "../memory.ts";
import type { Row, Wanted } from "../row.ts";
import type { Target } from "../target.ts";

const MEBIBYTE = 1_048_576;
const STALL = { after: 64 * MEBIBYTE, milliseconds: 10_000 };
const WANTED: Wanted = { of: "value", at: "most", limit: 64 };
/** How long the idle memory is looked at, milliseconds. */
const IDLE = 2000;

type Stalled = {
  measure: string;
  bytes: number;
  run: (target: Target, options: TransferOptions) => Promise<number>;
};

const STALLED: readonly Stalled[] = [
  { measure: "1 GiB download, the reader stalls 10 s", bytes: 2 ** 30, run: download },
  { measure: "1 GiB upload, the service stalls 10 s", bytes: 2 ** 30, run: upload },
  { measure: "256 MiB WebSocket, the reader stalls 10 s", bytes: 2 ** 28, run: receiveFlood },
];

async function lookAt(
  name: BerthProcess,
  berth: Berth,
): Promise<{ name: string; pid: number; idle: number }> {
  const pid = await berth.pid(name);
  return { name, pid, idle: await idleMemory(pid, IDLE) };
}

const told = (measure: string, mebibytes: number): Row => ({
  measure,
  unit: "MiB",
  samples: { berth: [mebibytes] },
  wanted: null,
});

/**
 * Back-pressure, seen as memory. Taken first, on a Berth that has only just started: an idle memory measured after
 * gigabytes of traffic would forgive too much.
 */
export const memoryMeasure: Measure = {
  name: "memory",
  about: "edge and agent memory above idle while a 1 GiB transfer stalls",
  async run({ berth, targets, signal }) {
    const target = targets.find(({ name }) => name === "berth");
    if (target === undefined) throw new Error("there is no way through Berth");
    const processes = await Promise.all(PROCESSES.map((name) => lookAt(name, berth)));
    const rows: Row[] = processes.map(({ name, idle }) => told(`Idle, ${name}`, idle));
    for (const { measure, bytes, run } of STALLED) {
      const progress = new Progress(STALL);
      using stack = new DisposableStack();
      const watched = processes.map(({ name, pid, idle }) => {
        const watch = stack.use(new MemoryWatch(pid, progress));
        return { name, idle, watch };
      });
      await run(target, { bytes, progress, signal });
      for (const { name, idle, watch } of watched) {
        const row = told(`${measure}: ${name} above idle`, watch.stalled - idle);
        rows.push({ ...row, wanted: WANTED }, told(`${row.measure}, whole transfer`, watch.overall - idle));
      }
    }
    return rows;
  },
};

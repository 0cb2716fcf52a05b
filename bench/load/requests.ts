import { percentile } from "../statistics.ts";
import type { Target } from "../target.ts";
import { requestHead } from "../target.ts";
import { Connection, expectAnswer } from "./connection.ts";

export type RequestsResult = {
  /** Requests per second. */
  rate: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
};

type Options = { path: string; bytes: number; connections: number; seconds: number; signal: AbortSignal };

/** Keeps `connections` busy with one GET after the other, and holds every answer against its status and length. */
export async function requests(target: Target, options: Options): Promise<RequestsResult> {
  const { path, bytes, connections, seconds, signal } = options;
  const request = requestHead(target, "GET", path);
  const times: number[] = [];
  await using stack = new AsyncDisposableStack();
  const open = await Promise.all(
    Array.from({ length: connections }, async () => stack.use(await Connection.open(target, signal))),
  );
  const begun = performance.now();
  const until = begun + seconds * 1000;
  const work = async (connection: Connection): Promise<void> => {
    for (let asked = performance.now(); asked < until;) {
      expectAnswer(await connection.send(request), bytes, `GET ${path}`);
      const answered = performance.now();
      times.push(answered - asked);
      asked = answered;
    }
  };
  await Promise.all(open.map(work));
  const elapsed = performance.now() - begun;
  return {
    rate: (times.length / elapsed) * 1000,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
  };
}

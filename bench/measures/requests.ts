import { requests } from "../load/requests.ts";
import type { Measure, Stage } from "../measure.ts";
import { interleave, pick } from "../measure.ts";

const CONNECTIONS = 16;
const SECONDS = 3;

/**
 * Small answers: what one request costs on the way.
 * @param limits times the peer's: at least of its rate, at most of its p99
 */
export const requestsMeasure = (limits: { rate: number; p99: number }): Measure<Stage> => ({
  name: "get",
  about: "1 KiB GET over 16 connections: requests per second and p99",
  async run(stage) {
    const results = await interleave(stage, (target, signal) =>
      requests(target, { path: "/1k", bytes: 1024, connections: CONNECTIONS, seconds: SECONDS, signal }),
    );
    return [
      {
        measure: "1 KiB GET, 16 connections",
        unit: "requests/s",
        samples: pick(results, ({ rate }) => rate),
        wanted: { of: "ratio", at: "least", limit: limits.rate },
      },
      {
        measure: "1 KiB GET, 16 connections, p50",
        unit: "ms",
        samples: pick(results, ({ p50 }) => p50),
        wanted: null,
      },
      {
        measure: "1 KiB GET, 16 connections, p99",
        unit: "ms",
        samples: pick(results, ({ p99 }) => p99),
        wanted: { of: "ratio", at: "most", limit: limits.p99 },
      },
    ];
  },
});

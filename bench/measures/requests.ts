import { requests } from "../load/requests.ts";
import type { Measure } from "../measure.ts";
import { interleave, pick } from "../measure.ts";

const CONNECTIONS = 16;
const SECONDS = 3;

/** Small answers: what one request costs on the way. */
export const requestsMeasure: Measure = {
  name: "get",
  about: "1 KiB GET over 16 connections: requests per second and p99",
  async run(bench) {
    const results = await interleave(bench, (target, signal) =>
      requests(target, { path: "/1k", bytes: 1024, connections: CONNECTIONS, seconds: SECONDS, signal }),
    );
    return [
      {
        measure: "1 KiB GET, 16 connections",
        unit: "requests/s",
        samples: pick(results, ({ rate }) => rate),
        wanted: { of: "ratio", at: "least", limit: 0.35 },
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
        wanted: { of: "ratio", at: "most", limit: 3 },
      },
    ];
  },
};

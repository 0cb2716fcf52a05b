import { requests } from "../load/requests.ts";
import { download, upload } from "../load/transfer.ts";
import type { Measure, Stage } from "../measure.ts";
import { interleave, pick } from "../measure.ts";

const CONNECTIONS = 16;
const SECONDS = 3;
const BYTES = 2 ** 28;

const transfer = (name: string, run: typeof download): Measure<Stage> => ({
  name,
  about: `256 MiB ${name}: rate`,
  async run(stage) {
    const rates = await interleave(stage, (target, signal) => run(target, { bytes: BYTES, signal }));
    return [
      {
        measure: `256 MiB ${name}`,
        unit: "MB/s",
        samples: pick(rates, (rate) => rate / 1e6),
        wanted: { of: "ratio", at: "least", limit: 2 },
      },
    ];
  },
});

const small: Measure<Stage> = {
  name: "get",
  about: "1 KiB GET over 16 connections: requests per second and p99",
  async run(stage) {
    const results = await interleave(stage, (target, signal) =>
      requests(target, { path: "/1k", bytes: 1024, connections: CONNECTIONS, seconds: SECONDS, signal }),
    );
    const measure = `1 KiB GET, ${CONNECTIONS} connections`;
    return [
      {
        measure,
        unit: "requests/s",
        samples: pick(results, ({ rate }) => rate),
        wanted: { of: "ratio", at: "least", limit: 2 },
      },
      { measure: `${measure}, p50`, unit: "ms", samples: pick(results, ({ p50 }) => p50), wanted: null },
      {
        measure: `${measure}, p99`,
        unit: "ms",
        samples: pick(results, ({ p99 }) => p99),
        wanted: { of: "ratio", at: "most", limit: 1 },
      },
    ];
  },
};

/** What a tunnel must be good at; twice as good as OpenSSH's (design 5). */
export const TUNNEL_MEASURES: readonly Measure<Stage>[] = [
  small,
  transfer("download", download),
  transfer("upload", upload),
];

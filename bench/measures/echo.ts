import { echo } from "../load/socket.ts";
import type { Measure } from "../measure.ts";
import { interleave, pick } from "../measure.ts";

const MESSAGES = 4000;
const BYTES = 32;

/** A keystroke's way to a terminal and back. */
export const echoMeasure: Measure = {
  name: "echo",
  about: "WebSocket echo of 32 bytes: p50",
  async run(bench) {
    const results = await interleave(bench, (target, signal) =>
      echo(target, { messages: MESSAGES, bytes: BYTES, signal }),
    );
    const microseconds = 1000;
    return [
      {
        measure: "WebSocket echo, p50",
        unit: "µs",
        samples: pick(results, ({ p50 }) => p50 * microseconds),
        wanted: { of: "ratio", at: "most", limit: 1.7 },
      },
      {
        measure: "WebSocket echo, p99",
        unit: "µs",
        samples: pick(results, ({ p99 }) => p99 * microseconds),
        wanted: null,
      },
    ];
  },
};

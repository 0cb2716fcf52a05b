import { echo } from "../load/socket.ts";
import type { Measure, Stage } from "../measure.ts";
import { interleave, pick } from "../measure.ts";

const MESSAGES = 4000;
const BYTES = 32;

/**
 * A keystroke's way to a terminal and back.
 * @param most times the peer's p50
 */
export const echoMeasure = (most: number): Measure<Stage> => ({
  name: "echo",
  about: "WebSocket echo of 32 bytes: p50",
  async run(stage) {
    const results = await interleave(stage, (target, signal) =>
      echo(target, { messages: MESSAGES, bytes: BYTES, signal }),
    );
    const microseconds = 1000;
    return [
      {
        measure: "WebSocket echo, p50",
        unit: "µs",
        samples: pick(results, ({ p50 }) => p50 * microseconds),
        wanted: { of: "ratio", at: "most", limit: most },
      },
      {
        measure: "WebSocket echo, p99",
        unit: "µs",
        samples: pick(results, ({ p99 }) => p99 * microseconds),
        wanted: null,
      },
    ];
  },
});

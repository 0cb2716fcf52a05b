import { once } from "node:events";
import { openSocket } from "../load/socket.ts";
import type { Measure } from "../measure.ts";
import type { Target } from "../target.ts";

/** A line typed into the shell; what it prints is nowhere in what is typed. */
const LINE = "echo b$((6*7))r\n";
const PRINTED = "b42r";
/** Milliseconds. */
const DEADLINE = 30_000;

/** Types a line into the shell behind `target` and waits until its output is on the screen. */
async function useShell(target: Target, signal: AbortSignal): Promise<void> {
  const { socket } = await openSocket(target, "/socket", signal);
  let screen = "";
  socket.on("message", (data: Buffer) => {
    screen += data.toString();
    if (screen.includes(PRINTED)) socket.close(1000);
  });
  socket.send(Buffer.from(LINE));
  await once(socket, "close");
  if (!screen.includes(PRINTED)) throw new Error(`the shell did not answer; its screen: ${screen}`);
}

/** How long somebody waits for a prompt. */
export const webshellMeasure: Measure = {
  name: "webshell",
  about: "launch accepted to the web shell printing what a typed command says",
  async run({ berth, rounds, signal }) {
    const samples: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const { id } = await berth.api.launch("webshell");
      const accepted = performance.now();
      const { port } = await berth.api.running(id);
      const target = berth.target(port ?? Number.NaN);
      await useShell(target, AbortSignal.any([signal, AbortSignal.timeout(DEADLINE)]));
      samples.push((performance.now() - accepted) / 1000);
      await berth.api.cancel(id);
    }
    return [
      {
        measure: "Launch accepted → web shell usable",
        unit: "s",
        samples: { berth: samples },
        wanted: { of: "value", at: "most", limit: 1.5 },
      },
    ];
  },
};

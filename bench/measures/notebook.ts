import { homedir } from "node:os";
import { join } from "node:path";
import type { Api } from "../api.ts";
import { freePort } from "../free-port.ts";
import type { Bench, Measure } from "../measure.ts";
import { poll } from "../poll.ts";
import { Program } from "../program.ts";

const CONFIG = join(import.meta.dirname, "../../services/jupyter-notebook/config.py");
/** Both ways are asked at this rate, so that neither is seen sooner. */
const EVERY = 25;
const DEADLINE = 60_000;

/** True once Jupyter itself answers there with its list of files. */
async function hasTree(origin: string, port: number, headers: Record<string, string> = {}): Promise<boolean> {
  const signal = AbortSignal.timeout(DEADLINE);
  const response = await fetch(`${origin}/me/${port}/tree`, { headers, signal }).catch(() => undefined);
  const page = (await response?.text()) ?? "";
  return response?.status === 200 && page.includes(`/me/${port}/static/`);
}

/** Launches a notebook by the API; returns seconds until its page comes through Berth. */
async function throughBerth(api: Api, signal: AbortSignal): Promise<number> {
  const begun = performance.now();
  const { id } = await api.launch("jupyter-notebook");
  let port: number | null = null;
  const probe = async (): Promise<boolean> => {
    port ??= (await api.session(id)).port;
    return port !== null && hasTree(api.origin, port, api.headers);
  };
  await poll(probe, { timeoutMs: DEADLINE, what: "Jupyter's page through Berth", signal, everyMs: EVERY });
  const seconds = (performance.now() - begun) / 1000;
  await api.cancel(id);
  return seconds;
}

/** Starts the command that the service's script ends in; returns seconds until its page comes. */
async function byHand(signal: AbortSignal): Promise<number> {
  const port = await freePort();
  const env = {
    BERTH_JUPYTER_PORT: `${port}`,
    BERTH_JUPYTER_BASE: `/me/${port}`,
    BERTH_JUPYTER_FOLDER: homedir(),
  };
  const begun = performance.now();
  // On SIGINT Jupyter would ask whether that was meant.
  const argv = ["jupyter-notebook", `--config=${CONFIG}`];
  await using program = Program.start(argv, { cwd: homedir(), env, ending: "SIGTERM" });
  const probe = (): Promise<boolean> => hasTree(`http://127.0.0.1:${port}`, port);
  await program.until(probe, { timeoutMs: DEADLINE, what: "page of Jupyter's", signal, everyMs: EVERY });
  return (performance.now() - begun) / 1000;
}

/** What Berth adds to the start of a real application. */
export const notebookMeasure: Measure = {
  name: "notebook",
  about: "launch to Jupyter Notebook at /me/<PORT>/tree, against the same one started by hand",
  async run({ berth, rounds, signal }: Bench) {
    const samples: { berth: number[]; direct: number[] } = { berth: [], direct: [] };
    for (let round = 0; round <= rounds; round += 1) {
      const [berthSeconds, direct] = [await throughBerth(berth.api, signal), await byHand(signal)];
      if (round === 0) continue;
      samples.berth.push(berthSeconds);
      samples.direct.push(direct);
    }
    return [
      {
        measure: "Launch → Jupyter Notebook's /tree",
        unit: "s",
        samples,
        wanted: { of: "difference", at: "most", limit: 0.3 },
      },
    ];
  },
};

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { quote } from "../agent/script/quote.ts";
import { isEnded } from "../contract/session.ts";
import { Api } from "./api.ts";
import { freePort } from "./free-port.ts";
import { Program, signalGroup } from "./program.ts";
import type { Target } from "./target.ts";

const ROOT = dirname(import.meta.dirname);
/** How long the cancels at the end may take together, milliseconds. */
const CANCEL_TIMEOUT = 30_000;

/** The two that carry the traffic. */
export const PROCESSES = ["edge", "agent"] as const;
export type BerthProcess = (typeof PROCESSES)[number];

/** A folder of the catalogue: file names and their texts. */
type ServiceFiles = Readonly<Record<string, string>>;

/** The bench's own service. A node of the bench's cluster has the files of this machine. */
const SERVICE: ServiceFiles = {
  "service.yaml": `title: Bench
inputs:
  - { name: wait, type: number, default: 0, min: 0, help: Seconds before it listens }
`,
  "start_template.sh": `exec ${quote(process.execPath)} ${quote(join(import.meta.dirname, "service.ts"))} "$service_port" "$service_wait"
`,
};

/** Berth as a user starts it, with a home of its own that goes with it. */
export class Berth implements AsyncDisposable {
  readonly home: string;
  readonly port: number;
  readonly api: Api;
  readonly #token: string;
  readonly #program: Program;

  private constructor(options: {
    home: string;
    port: number;
    token: string;
    program: Program;
    signal: AbortSignal;
  }) {
    this.home = options.home;
    this.port = options.port;
    this.api = new Api(options.port, options.token, options.signal);
    this.#token = options.token;
    this.#program = options.program;
  }

  /**
   * @param services by name, beside `bench`
   * @param root the tree that is started, this one unless told
   */
  static async start(
    signal: AbortSignal,
    services: Readonly<Record<string, ServiceFiles>> = {},
    root = ROOT,
  ): Promise<Berth> {
    const home = await mkdtemp(join(tmpdir(), "berth-bench-"));
    await using stack = new AsyncDisposableStack();
    stack.defer(() => rm(home, { recursive: true, force: true }));
    for (const [name, files] of Object.entries({ ...services, bench: SERVICE }))
      await addService(home, name, files);
    const port = await freePort();
    const env = { BERTH_HOME: home, BERTH_PORT: `${port}` };
    const program = stack.use(Program.start(["npm", "start"], { cwd: root, env }));
    const ready = (): boolean => /^ready\b/m.test(program.output);
    await program.until(ready, { timeoutMs: 180_000, what: "ready from npm start", signal });
    const token = (await readFile(join(home, "token"), "utf8")).trim();
    stack.move();
    return new Berth({ home, port, token, program, signal });
  }

  /** The way through Berth to a session's port. */
  target(port: number): Target {
    const prefix = `/me/${port}`;
    return { name: "berth", host: "127.0.0.1", port: this.port, prefix, headers: this.api.headers };
  }

  async pid(name: BerthProcess): Promise<number> {
    return Number.parseInt(await readFile(this.#pidFile(name), "utf8"), 10);
  }

  /** Cancels every session, since they outlive Berth by design, then ends Berth and removes the home. */
  async [Symbol.asyncDispose](): Promise<void> {
    await using stack = new AsyncDisposableStack();
    stack.defer(() => rm(this.home, { recursive: true, force: true }));
    stack.defer(() => this.#killLeftovers());
    stack.use(this.#program);
    if (this.#program.ended) return;
    // Not `this.api`: its signal may be what brought us here.
    const api = new Api(this.port, this.#token, AbortSignal.timeout(CANCEL_TIMEOUT));
    const live = (await api.sessions()).filter(({ state }) => !isEnded(state));
    await Promise.all(live.map(({ id }) => api.cancel(id)));
  }

  /** Whatever a clean end has left: the process groups that the `pid` files of Berth and of the sessions name. */
  async #killLeftovers(): Promise<void> {
    const sessions = join(this.home, "sessions");
    const ids = await readdir(sessions).catch(() => []);
    const files = [
      ...PROCESSES.map((name) => this.#pidFile(name)),
      ...ids.map((id) => join(sessions, id, "pid")),
    ];
    for (const file of files) {
      const pid = Number.parseInt(await readFile(file, "utf8").catch(() => ""), 10);
      if (pid > 1) signalGroup(pid, "SIGKILL");
    }
  }

  #pidFile(name: BerthProcess): string {
    return join(this.home, "run", `${name}.pid`);
  }
}

async function addService(home: string, name: string, files: ServiceFiles): Promise<void> {
  const folder = join(home, "services", name);
  await mkdir(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
}

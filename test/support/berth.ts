import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isEnded, Session } from "../../contract/session.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";

const START = join(import.meta.dirname, "../../local/start.ts");

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null;

/** A service folder for a test: file names and their contents. */
export type ServiceFiles = Record<string, string> & { "start_template.sh": string };

/**
 * A whole Berth, started as a person starts it, with its own `BERTH_HOME` and port: real workerd, real agent. Disposing
 * cancels the sessions that still live, stops both, and deletes the home.
 */
export class Berth implements AsyncDisposable {
  readonly home: string;
  readonly port: number;
  #process: ChildProcess | undefined;
  readonly #env: Readonly<Record<string, string>>;
  #output = "";

  private constructor(home: string, port: number, env: Readonly<Record<string, string>>) {
    this.home = home;
    this.port = port;
    this.#env = env;
  }

  /**
   * @param options.services folders to put into `BERTH_HOME/services` before the start, by name
   * @param options.env more of the environment that it is started in
   */
  static async start(
    options: { services?: Record<string, ServiceFiles>; env?: Record<string, string> } = {},
  ): Promise<Berth> {
    const berth = new Berth(await mkdtemp(join(tmpdir(), "berth-")), await freePort(), options.env ?? {});
    for (const [name, files] of Object.entries(options.services ?? {})) await berth.addService(name, files);
    await berth.up();
    return berth;
  }

  get url(): string {
    return `http://localhost:${this.port}`;
  }

  /** What `npm start` has printed. */
  get output(): string {
    return this.#output;
  }

  /** Starts it (again), and waits until it says that it is ready. */
  async up(): Promise<void> {
    this.#output = "";
    const env = { ...process.env, ...this.#env, BERTH_HOME: this.home, BERTH_PORT: String(this.port) };
    const child = spawn(process.execPath, [START], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    this.#process = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk) => (this.#output += String(chunk)));
    await eventually(
      () => {
        if (hasEnded(child)) throw new Error(`npm start exited with code ${child.exitCode}: ${this.#output}`);
        return /^ready$[^]*\/login\?code=\S+\n/m.test(this.#output);
      },
      { timeoutMs: 60_000, what: `"ready" from npm start` },
    ).catch((error: unknown) => {
      throw new Error(`Berth did not start:\n${this.#output}`, { cause: error });
    });
  }

  /** Stops it as Ctrl-C does; sessions go on. */
  async down(): Promise<void> {
    const child = this.#process;
    if (child === undefined || hasEnded(child)) return;
    const gone = once(child, "exit");
    child.kill("SIGINT");
    await gone;
    this.#process = undefined;
  }

  /** The one-time link that the start printed. */
  get link(): string {
    const [link] = /http:\/\/\S+\/login\?code=\S+/.exec(this.#output) ?? [];
    if (link === undefined) throw new Error(`no link was printed:\n${this.#output}`);
    return link;
  }

  async token(): Promise<string> {
    return (await readFile(join(this.home, "token"), "utf8")).trim();
  }

  /** A process of this Berth by its role's file; undefined when it does not run. */
  async pid(role: "edge" | "agent" | "start"): Promise<number | undefined> {
    const text = await readFile(join(this.home, "run", `${role}.pid`), "utf8").catch(() => "");
    return text === "" ? undefined : Number(text);
  }

  /** Kills a process as a crash would, and waits until its successor is up. */
  async crash(role: "edge" | "agent"): Promise<void> {
    const pid = await this.pid(role);
    if (pid === undefined) throw new Error(`no ${role} runs`);
    process.kill(pid, "SIGKILL");
    await eventually(async () => ![undefined, pid].includes(await this.pid(role)), {
      timeoutMs: 30_000,
      what: `a new ${role}`,
    });
  }

  async addService(name: string, files: ServiceFiles): Promise<void> {
    const directory = join(this.home, "services", name);
    await mkdir(directory, { recursive: true });
    for (const [file, text] of Object.entries(files)) await writeFile(join(directory, file), text);
  }

  /** A file's text, for `expect.poll`. */
  read(path: string): Promise<string> {
    return readFile(path, "utf8");
  }

  /** A request with the API's token. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (!headers.has("authorization")) headers.set("authorization", `Bearer ${await this.token()}`);
    return fetch(new URL(path, this.url), { redirect: "manual", ...init, headers });
  }

  async launch(request: object, headers: Record<string, string> = {}): Promise<Session> {
    const body = JSON.stringify(request);
    const response = await this.fetch("/api/sessions", {
      method: "POST",
      body,
      headers: { "content-type": "application/json", ...headers },
    });
    if (!response.ok) throw new Error(`launch: ${response.status} ${await response.text()}`);
    return Session.parse(await response.json());
  }

  async session(id: string): Promise<Session> {
    return Session.parse(await (await this.fetch(`/api/sessions/${id}`)).json());
  }

  async sessions(): Promise<Session[]> {
    return Session.array().parse(await (await this.fetch("/api/sessions")).json());
  }

  /** Waits until a session is in one of these states; fails at once when it has ended in another. */
  async until(id: string, ...states: Session["state"][]): Promise<Session> {
    let last: Session | undefined;
    const reached = await eventually(
      async () => {
        last = await this.session(id);
        return states.includes(last.state) || isEnded(last.state);
      },
      { timeoutMs: 90_000, what: `session ${id} to be ${states.join(" or ")}` },
    ).catch((error: unknown) => {
      throw new Error(`last seen: ${JSON.stringify(last)}`, { cause: error });
    });
    if (!reached || last === undefined || !states.includes(last.state))
      throw new Error(`the session is ${JSON.stringify(last)}`);
    return last;
  }

  async cancel(id: string): Promise<Session> {
    return Session.parse(await (await this.fetch(`/api/sessions/${id}/cancel`, { method: "POST" })).json());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      const child = this.#process;
      if (child !== undefined && !hasEnded(child)) await this.#cancelAll();
      await this.down();
    } finally {
      await rm(this.home, { recursive: true, force: true });
    }
  }

  async #cancelAll(): Promise<void> {
    const live = (await this.sessions()).filter((session) => !isEnded(session.state));
    for (const { id } of live) await this.cancel(id);
    for (const { id } of live) await this.until(id, "canceled", "completed", "failed");
  }
}

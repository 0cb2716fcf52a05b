import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Me } from "../../contract/account.ts";
import { isEnded, Session } from "../../contract/session.ts";
import type { ServiceFiles } from "./berth.ts";
import { eventually } from "./eventually.ts";
import type { HttpBrowser } from "./http-browser.ts";

/** Whatever a program does is done within this time, also on a machine that does much else. Milliseconds. */
const STEP_MS = 60_000;

const MAIN = join(import.meta.dirname, "../../agent/main.ts");

/** The berth command in a home of its own, and what it has printed. */
class Running {
  output = "";
  readonly process: ChildProcess;

  constructor(home: string, ...args: string[]) {
    const { BERTH_EDGE: _edge, ...env } = process.env;
    this.process = spawn(process.execPath, [MAIN, ...args], {
      env: { ...env, BERTH_HOME: home },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.process.stdout, this.process.stderr])
      stream?.on("data", (chunk) => (this.output += String(chunk)));
  }

  /** @throws Error with all that it has printed where that does not match */
  match(pattern: RegExp): RegExpExecArray {
    const found = pattern.exec(this.output);
    if (found === null) throw new Error(`no ${pattern} in “${this.output}”`);
    return found;
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null) return;
    const gone = once(this.process, "close");
    this.process.kill("SIGTERM");
    await gone;
  }
}

/**
 * Somebody's real agent, which joined an edge as a person has it join: by a code that is approved in their browser.
 * Disposing cancels its sessions, stops it, and deletes its home.
 */
export class JoinedAgent implements AsyncDisposable {
  readonly #home: string;
  readonly #console: string;
  readonly #browser: HttpBrowser;
  readonly #up: Running;

  private constructor(home: string, console: string, browser: HttpBrowser, up: Running) {
    this.#home = home;
    this.#console = console;
    this.#browser = browser;
    this.#up = up;
  }

  /**
   * @param console the console's origin
   * @param browser of whoever the agent is to be: logged in, and so until the agent is disposed
   */
  static async start(
    console: string,
    browser: HttpBrowser,
    services: Record<string, ServiceFiles>,
  ): Promise<JoinedAgent> {
    const home = await mkdtemp(join(tmpdir(), "berth-agent-"));
    for (const [name, files] of Object.entries(services)) {
      const directory = join(home, "services", name);
      await mkdir(directory, { recursive: true });
      for (const [file, text] of Object.entries(files)) await writeFile(join(directory, file), text);
    }
    const me = Me.parse(await (await browser.go(`${console}/api/me`)).json());
    const joining = new Running(home, "join", console, "--user", me.user);
    try {
      const code = await eventually(() => joining.match(/code {2}(\w{4}-\w{4})/)[1], {
        what: "a code",
        timeoutMs: STEP_MS,
      });
      const form = { code, decision: "approve", replaces: "" };
      const approved = await browser.go(`${console}/join`, { form });
      if (approved.status !== 303) throw new Error(`the approval: ${approved.status}`);
      await eventually(() => joining.match(/^Joined /m) && joining.process.exitCode === 0, {
        what: "the agent to join",
        timeoutMs: STEP_MS,
      });
    } finally {
      await joining.stop();
    }
    const agent = new JoinedAgent(home, console, browser, new Running(home, "up"));
    await eventually(() => agent.#isOnline(), { what: "the agent to be online", timeoutMs: STEP_MS });
    return agent;
  }

  /** What the agent has printed. */
  get output(): string {
    return this.#up.output;
  }

  /** Launches, and waits until the session runs. */
  async running(service: string): Promise<Session> {
    const launched = await this.#browser.go(`${this.#console}/api/sessions`, { json: { service } });
    const { id } = Session.parse(await launched.json());
    return eventually(
      async () => {
        const session = await this.#session(id);
        if (isEnded(session.state)) throw new Error(`the session is ${JSON.stringify(session)}`);
        return session.state === "running" ? session : undefined;
      },
      { what: `session ${id} to run`, timeoutMs: STEP_MS },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#cancelAll();
    } finally {
      await this.#up.stop();
      await rm(this.#home, { recursive: true, force: true });
    }
  }

  async #isOnline(): Promise<boolean> {
    const status = (await this.#api("/api/agent")) as { online: boolean };
    return status.online;
  }

  async #session(id: string): Promise<Session> {
    return Session.parse(await this.#api(`/api/sessions/${id}`));
  }

  async #api(path: string): Promise<unknown> {
    const response = await this.#browser.go(this.#console + path, {
      headers: { accept: "application/json" },
    });
    if (response.status !== 200)
      throw new Error(`${path} answered ${response.status} ${await response.text()}`);
    return response.json();
  }

  async #cancelAll(): Promise<void> {
    const sessions = Session.array().parse(await this.#api("/api/sessions"));
    for (const { id } of sessions.filter(({ state }) => !isEnded(state))) {
      await this.#browser.go(`${this.#console}/api/sessions/${id}/cancel`, { json: {} });
      await eventually(async () => isEnded((await this.#session(id)).state), { what: `${id} to end` });
    }
  }
}

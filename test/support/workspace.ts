import { randomFillSync } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { Catalogue } from "../../agent/catalogue.ts";
import type { Notice } from "../../agent/sessions/session.ts";
import { Resources } from "../../agent/resources/resources.ts";
import { Sessions } from "../../agent/sessions/sessions.ts";
import type { Wanted } from "../../contract/frames.ts";
import type { SessionId } from "../../contract/ids.ts";
import { sessionId } from "../../contract/ids.ts";
import type { Inputs, SessionReport, SessionSpec } from "../../contract/session.ts";
import { isEnded } from "../../contract/session.ts";
import { onTestFinished } from "vitest";
import type { ServiceFiles } from "./berth.ts";
import { eventually } from "./eventually.ts";
import { processesOf } from "./processes.ts";

/** Answers every request with its URL, in the foreground. */
export const ECHO = `exec "$berth_node" -e '
  require("node:http").createServer((request, response) => response.end(request.url))
    .listen(Number(process.argv[1]), "127.0.0.1")' "$service_port"`;

/** The sessions of an agent, without an edge: real processes in a `BERTH_HOME` of the test's own. */
export class Workspace {
  readonly home: string;
  /** Every report since the workspace was made. */
  readonly reports: SessionReport[] = [];
  readonly notices: Notice[] = [];
  readonly #logLimit: number | undefined;
  #resources: Resources | undefined;
  #sessions: Sessions | undefined;

  private constructor(home: string, logLimit: number | undefined) {
    this.home = home;
    this.#logLimit = logLimit;
  }

  /**
   * Ends with the test, and so does every session.
   * @param services the folders of the catalogue, by name; a text alone is a start script
   */
  static async open(
    services: Record<string, string | ServiceFiles>,
    { logLimit }: { logLimit?: number } = {},
  ): Promise<Workspace> {
    const workspace = new Workspace(await mkdtemp(join(tmpdir(), "berth-workspace-")), logLimit);
    for (const [name, files] of Object.entries(services)) {
      const directory = join(workspace.home, "services", name);
      await mkdir(directory, { recursive: true });
      const all = typeof files === "string" ? { "start_template.sh": files } : files;
      for (const [file, text] of Object.entries(all)) await writeFile(join(directory, file), text);
    }
    await workspace.up();
    onTestFinished(() => workspace.#end());
    return workspace;
  }

  get sessions(): Sessions {
    if (this.#sessions === undefined) throw new Error("the agent is down");
    return this.#sessions;
  }

  /** Starts the agent's part again. */
  async up({ refusedPorts = [] }: { refusedPorts?: number[] } = {}): Promise<void> {
    const catalogue = await Catalogue.load([join(this.home, "services")]);
    const log = pino({ level: process.env["LOG_LEVEL"] ?? "silent" });
    this.#resources = await Resources.open({ home: this.home, log });
    this.#sessions = await Sessions.open({
      home: this.home,
      catalogue,
      resources: this.#resources,
      refusedPorts,
      nodePath: process.execPath,
      logLimit: this.#logLimit,
      log,
    });
    this.#sessions.onReport((report) => this.reports.push(report));
    this.#sessions.onNotify((notice) => this.notices.push(notice));
  }

  /** Stops the agent's part; sessions go on. */
  async down(): Promise<void> {
    await this.#sessions?.[Symbol.asyncDispose]();
    await this.#resources?.[Symbol.asyncDispose]();
    this.#sessions = undefined;
  }

  spec(service: string, inputs: Inputs = {}): SessionSpec {
    const id = sessionId((bytes) => randomFillSync(bytes));
    return { id, name: `my ${service}`, service, placement: "workspace", inputs, createdAt: Date.now() };
  }

  want(spec: SessionSpec, want: Wanted["want"] = "run"): void {
    this.sessions.reconcile([{ spec, want }]);
  }

  /** Launches a service and waits until it runs. */
  async run(
    service: string,
    inputs: Inputs = {},
  ): Promise<{ spec: SessionSpec; id: SessionId; port: number }> {
    const spec = this.spec(service, inputs);
    this.want(spec);
    const { port } = await this.until(spec.id, "running");
    if (port === undefined) throw new Error("it runs without a port");
    return { spec, id: spec.id, port };
  }

  report(id: SessionId): SessionReport {
    const known = this.sessions.get(id);
    if (known === undefined) throw new Error(`no session ${id}`);
    return known.report;
  }

  /** Waits until a session is in a state; fails at once when it has ended in another. */
  async until(id: SessionId, state: SessionReport["state"]): Promise<SessionReport> {
    const report = await eventually(
      () => {
        const now = this.report(id);
        return (now.state === state || isEnded(now.state)) && now;
      },
      { timeoutMs: 30_000, what: `session ${id} to be ${state}` },
    );
    if (report.state !== state) throw new Error(`the session is ${JSON.stringify(report)}`);
    return report;
  }

  path(id: SessionId, file: string): string {
    return join(this.home, "sessions", id, file);
  }

  /** A file of a session's directory; empty when it is not there. */
  read(id: SessionId, file: string): Promise<string> {
    return readFile(this.path(id, file), "utf8").catch(() => "");
  }

  async #end(): Promise<void> {
    if (this.#sessions === undefined) await this.up();
    const live = this.sessions.all().filter(({ report }) => !isEnded(report.state));
    this.sessions.reconcile(live.map(({ spec }) => ({ spec, want: "cancel" as const })));
    for (const { spec } of live)
      await eventually(() => isEnded(this.report(spec.id).state), { timeoutMs: 30_000, what: "the end" });
    // A failure is told at once, while the agent still ends what is left of the session.
    for (const { spec } of this.sessions.all())
      await eventually(async () => (await processesOf(spec.id)).length === 0, {
        timeoutMs: 30_000,
        what: `nothing of ${spec.id} to be left`,
      });
    await this.down();
    await rm(this.home, { recursive: true, force: true });
  }
}

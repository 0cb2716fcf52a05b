import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { spawn } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { once } from "node:events";
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import type { Report } from "../../agent/reports.ts";
import { makeTunnelKeys } from "../../agent/ssh/tunnel-keys.ts";
import type { TunnelServerOptions } from "../../agent/ssh/tunnel-server.ts";
import { TunnelServer } from "../../agent/ssh/tunnel-server.ts";
import { sessionId } from "../../contract/ids.ts";
import { eventually, eventuallyWritten } from "./eventually.ts";
import { processesOf } from "./processes.ts";

const LIBRARY = join(import.meta.dirname, "../../agent/script/tunnel.sh");

/** The workspace port that the tests' sessions have; nobody listens on it. */
export const WORKSPACE_PORT = 23_456;

/** What a session's ends of the tunnel have in common. */
export const tunnelSession = () => {
  const session = sessionId((bytes) => randomFillSync(bytes));
  return { session, keys: makeTunnelKeys(session) };
};

type AgentOptions = Partial<TunnelServerOptions> & Pick<TunnelServerOptions, "session" | "keys">;

/** An agent's end that can be reached at `port` of 127.0.0.1, and what it has been told. */
export class TunnelAgent implements AsyncDisposable {
  readonly reports: (Report & { offset: number })[] = [];
  readonly changes: boolean[] = [];
  readonly log: string[] = [];
  readonly server: TunnelServer;
  readonly port: number;
  readonly sockets = new Set<Socket>();
  readonly #listener: Server;

  private constructor(listener: Server, options: AgentOptions) {
    this.#listener = listener;
    this.port = (listener.address() as AddressInfo).port;
    this.server = new TunnelServer({
      port: WORKSPACE_PORT,
      reportsRead: 0,
      onReport: async (report, offset) => void this.reports.push({ ...report, offset }),
      onChange: (isUp) => void this.changes.push(isUp),
      log: (line) => void this.log.push(line),
      ...options,
    });
  }

  /** Starts one that ends with the test. `port` is one that was used before. */
  static async start(options: AgentOptions, port = 0): Promise<TunnelAgent> {
    const listener = createServer({ allowHalfOpen: true });
    listener.listen(port, "127.0.0.1");
    await once(listener, "listening");
    const agent = new TunnelAgent(listener, options);
    listener.on("connection", (socket) => {
      agent.sockets.add(socket);
      socket.once("close", () => agent.sockets.delete(socket));
      agent.server.accept(socket);
    });
    onTestFinished(() => agent[Symbol.asyncDispose]());
    return agent;
  }

  async up(): Promise<void> {
    await eventually(() => this.server.isUp, { what: "the tunnel", timeoutMs: 20_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.server[Symbol.asyncDispose]();
  }
}

export type TunnelNodeOptions = {
  session: string;
  keys: TunnelServerOptions["keys"];
  /** The line of `forward`. */
  forward: string;
  /** The service's port. */
  port?: number;
  /** Lines for `known_hosts`, beside the agent's. */
  knownHosts?: string;
};

/** A node on which a session's script runs: bash with the library, which does what it is told. */
export class TunnelNode {
  readonly directory: string;
  readonly session: string;
  readonly bash: ChildProcessWithoutNullStreams;
  stderr = "";
  readonly #lines: AsyncIterator<string>;

  private constructor(session: string, directory: string) {
    this.session = session;
    this.directory = directory;
    this.bash = spawn(
      "bash",
      ["--norc", "-c", `while IFS= read -r line; do eval "$line"; echo "= $?"; done`],
      {
        env: { ...process.env, BERTH_SESSION_ID: session },
        stdio: "pipe",
      },
    );
    this.bash.stderr.on("data", (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.bash.stdin.on("error", () => {});
    this.#lines = createInterface({ input: this.bash.stdout })[Symbol.asyncIterator]();
  }

  /** Starts one that ends with the test. Its directory has a space in its name. */
  static async start({
    session,
    keys,
    forward,
    port = 1,
    knownHosts = "",
  }: TunnelNodeOptions): Promise<TunnelNode> {
    const directory = await mkdtemp(join(tmpdir(), "berth tunnel-"));
    const node = new TunnelNode(session, directory);
    onTestFinished(async () => {
      await node.run("berth_tunnel_stop");
      node.bash.stdin.end();
      await eventually(async () => (await processesOf(session)).length === 0, {
        what: "the end of the node",
      });
      await rm(directory, { recursive: true, force: true });
    });
    await mkdir(join(directory, "job"));
    await mkdir(join(directory, "node"), { mode: 0o700 });
    await writeFile(join(directory, "job/key"), keys.clientPrivate, { mode: 0o600 });
    await writeFile(join(directory, "job/known_hosts"), `berth-${session} ${keys.hostPublic}\n${knownHosts}`);
    await node.forward(forward);
    await node.run(`berth_id=${session} service_port=${port} service_socket=`);
    await node.run(`resource_jobdir='${directory}/job' berth_node_dir='${directory}/node'`);
    await node.run(`. '${LIBRARY}'`);
    return node;
  }

  get reportsFile(): string {
    return join(this.directory, "node/reports");
  }

  /** Writes where the agent is reached. */
  async forward(line: string): Promise<void> {
    await writeFile(join(this.directory, "job/forward"), `${line}\n`);
  }

  /** Runs a line of bash in the session's script and returns its exit code. */
  async run(line: string): Promise<number> {
    this.bash.stdin.write(`${line}\n`);
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done === true) return -1;
      const code = /^= (\d+)$/.exec(value)?.[1];
      if (code !== undefined) return Number(code);
    }
  }

  async report(verb: string, text: string): Promise<void> {
    await appendFile(this.reportsFile, `${verb}\0${text}\0`);
  }

  /** The processes of the session whose command begins so. */
  async processes(command: string): Promise<number[]> {
    const all = await processesOf(this.session);
    return all.filter((found) => found.command.startsWith(command)).map(({ pid }) => pid);
  }

  /** Waits for a process of the session whose command begins so. */
  async process(command: string): Promise<number> {
    return await eventually(async () => (await this.processes(command))[0], { what: command });
  }

  /** What ssh said at the last attempt. */
  async error(): Promise<string> {
    return await readFile(join(this.directory, "node/tunnel/error"), "utf8").catch(() => "");
  }

  /** Kills the ssh that has the tunnel, and waits until the loop knows that it is gone. */
  async killSsh(): Promise<void> {
    const file = join(this.directory, "node/tunnel/ssh.pid");
    const pid = await eventuallyWritten(() => readFile(file, "utf8"), { what: file });
    process.kill(Number(pid), "SIGKILL");
    await eventually(async () => (await readFile(file, "utf8").catch(() => "")) !== pid, {
      what: "the loop to see the end of its ssh",
    });
  }
}

import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { WebSocket } from "ws";
import type { SchedulerName } from "../../contract/resource.ts";
import type { Session } from "../../contract/session.ts";
import { Cluster } from "../cluster/cluster.ts";
import { HOSTS } from "../cluster/layout.ts";
import { signal } from "../cluster/processes.ts";
import { Berth, type ServiceFiles } from "./berth.ts";
import { eventually } from "./eventually.ts";

/** Answers every request with the node's name and the path, and every WebSocket message with itself. Python is what every node has. */
const ECHO_SERVER = `
import base64, hashlib, http.server, os, socket, sys

class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.headers.get("Upgrade", "").lower() == "websocket":
            return self.websocket()
        body = ("%s %d %s" % (socket.gethostname(), os.getpid(), self.path)).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def websocket(self):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.close_connection = True
        while True:
            head = self.rfile.read(2)
            if len(head) < 2 or head[0] & 15 == 8:
                return
            size = head[1] & 127
            mask = self.rfile.read(4)
            data = bytes(byte ^ mask[index & 3] for index, byte in enumerate(self.rfile.read(size)))
            self.wfile.write(bytes([head[0], size]) + data)

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
`;

/** The service `echo` of the cluster's tests: messages shorter than 126 bytes. */
export const NODE_ECHO: ServiceFiles = {
  "echo.py": ECHO_SERVER,
  "start_template.sh": `
echo "echo begins on $HOSTNAME"
$sshusercontainer status "Nearly there"
exec python3 -u service/echo.py "$service_port"
`,
};

/** A whole Berth in the workspace, and a real cluster that it knows by these resources. Both end together. */
export class ClusterBerth implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly berth: Berth;

  private constructor(cluster: Cluster, berth: Berth) {
    this.cluster = cluster;
    this.berth = berth;
  }

  /**
   * @param options.resources the names of the resources, each by the scheduler it is asked through; all are the same hosts
   * @param options.prologue lines of bash that run before every service
   */
  static async start(
    options: {
      services?: Record<string, ServiceFiles>;
      resources?: Record<string, SchedulerName>;
      prologue?: string;
    } = {},
  ): Promise<ClusterBerth> {
    const { services = { echo: NODE_ECHO }, resources = { hopper: "slurm" }, prologue = ":" } = options;
    await using stack = new AsyncDisposableStack();
    const cluster = stack.use(await Cluster.up());
    const berth = stack.use(await Berth.start({ services }));
    const entries = Object.entries(resources).map(
      ([name, scheduler]) =>
        `${name}:\n  host: ${cluster.alias()}\n  sshConfig: ${cluster.sshConfig}\n  scheduler: ${scheduler}\n  prologue: ${JSON.stringify(prologue)}\n`,
    );
    await writeFile(join(berth.home, "resources.yaml"), entries.join(""), { mode: 0o600 });
    const started = new ClusterBerth(cluster, berth);
    await eventually(
      async () => {
        const known = (await (await berth.fetch("/api/resources")).json()) as { state: string }[];
        return (
          known.length === Object.keys(resources).length && known.every(({ state }) => state === "reachable")
        );
      },
      { timeoutMs: 60_000, what: "the edge to know the cluster" },
    );
    stack.move();
    return started;
  }

  /** Launches on a compute node of `hopper`, unless the request says otherwise. */
  launch(request: object = {}): Promise<Session> {
    return this.berth.launch({ service: "echo", placement: "compute", resource: "hopper", ...request });
  }

  /** Launches, and waits until it runs. */
  async run(request: object = {}): Promise<Session> {
    const { id } = await this.launch(request);
    return await this.berth.until(id, "running");
  }

  /** What the session's application answers at its URL. */
  async ask({ url }: Session, path = ""): Promise<string> {
    const response = await this.berth.fetch(`${url ?? ""}${path}`);
    if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
    return await response.text();
  }

  /** Opens a WebSocket to the session's application, and has it answer once. */
  async socket({ url }: Session): Promise<WebSocket> {
    const address = new URL(url ?? "", this.berth.url.replace("http:", "ws:"));
    const socket = new WebSocket(address, {
      headers: { authorization: `Bearer ${await this.berth.token()}` },
    });
    socket.on("error", () => undefined);
    await once(socket, "open");
    socket.send("hello");
    const [answer] = (await once(socket, "message")) as [Buffer];
    if (answer.toString() !== "hello") throw new Error(`the application answers "${answer.toString()}"`);
    return socket;
  }

  /**
   * What is left of sessions, a line each: jobs, processes of the user, listeners and files, on every host. sshd's and
   * what the test itself runs there do not count.
   */
  async leftovers(): Promise<string[]> {
    const { cluster } = this;
    const jobs = (await cluster.slurm.queue()).map((job) => `job ${job.id} of ${job.user}`);
    const processes = (await cluster.processes({ user: "ada" }))
      .filter(({ name }) => !name.startsWith("sshd"))
      .map(({ pid, argv }) => `process ${pid}: ${argv.join(" ").slice(0, 200)}`);
    const listeners = await Promise.all(
      HOSTS.map(async (host) =>
        (await cluster.listeners(host))
          .filter(({ protocol, address }) => protocol === "tcp" && /^(127\.|\[::1\])/.test(address))
          .map(({ address }) => `${host} listens on ${address}`),
      ),
    );
    const find = "find /home/ada/.berth/sessions /tmp -mindepth 1 -user ada 2>/dev/null";
    const files = await Promise.all(
      HOSTS.map(async (host) => {
        const { stdout } = await cluster.exec(host, ["sh", "-c", find]);
        return stdout
          .split("\n")
          .filter((line) => line !== "")
          .map((path) => `${host} has ${path}`);
      }),
    );
    return [...jobs, ...processes, ...listeners.flat(), ...files.flat()];
  }

  /** Waits until nothing of any session is left. @throws Error with what is */
  async untilNothingIsLeft(): Promise<void> {
    await eventually(async () => (await this.leftovers()).length === 0, {
      timeoutMs: 60_000,
      what: "nothing to be left",
    }).catch(async (error: unknown) => {
      throw new Error((await this.leftovers()).join("\n"), { cause: error });
    });
  }

  /** Cancels a session, and sees that nothing is left. */
  async cancelWhole({ id }: Session): Promise<void> {
    await this.berth.cancel(id);
    await this.berth.until(id, "canceled");
    await this.untilNothingIsLeft();
  }

  /** Every job that Slurm was given for a session, and its state: those that have ended too, for as long as Slurm knows them. */
  async jobs(id: string): Promise<string[]> {
    const argv = ["squeue", "--noheader", "--all", "--states=all", "--format=%i %T", `--name=${id}`] as const;
    const { stdout } = await this.cluster.exec("ctl", argv);
    return stdout.split("\n").filter((line) => line !== "");
  }

  /** Sees that a session runs once and where it was launched, and that it ends without a trace. */
  async runsOnce(launched: Session): Promise<void> {
    const session = await this.berth.until(launched.id, "running");
    const page = await eventually(() => this.ask(session), { what: "the page", timeoutMs: 60_000 });
    const jobs = await this.jobs(session.id);
    const isOnce = jobs.length === 1 && jobs[0] === `${session.jobId} RUNNING`;
    const isThere = launched.port === null || launched.port === session.port;
    if (!isOnce || !isThere || session.error !== "" || !/^c[12] /.test(page))
      throw new Error(`${JSON.stringify(session)} after ${launched.port}; jobs: ${jobs.join(", ")}`);
    await this.cancelWhole(session);
  }

  /** Kills the sshd processes of the user's connections to the controller, once there is one. */
  async killConnections(): Promise<void> {
    await eventually(async () => (await this.cluster.killSshSessions("ctl", "ada")) > 0, {
      what: "a connection to the controller",
    });
  }

  /** Kills the user's ssh on every host, which there has to be: the tunnels' own ends. */
  async killTunnels(): Promise<void> {
    const own = await eventually(
      async () => {
        const found = await this.cluster.processes({ user: "ada" });
        const ssh = found.filter(({ name }) => name === "ssh");
        return ssh.length > 0 && ssh;
      },
      { what: "the node's ssh" },
    );
    // One may end with the other.
    for (const { pid } of own) signal(pid);
  }

  /** Kills the agent, and starts another without the pause that comes after so many. */
  async crashAgent(): Promise<void> {
    const pid = await this.berth.pid("agent");
    if (pid === undefined) throw new Error("no agent runs");
    process.kill(pid, "SIGKILL");
    await this.berth.down();
    await this.berth.up();
  }

  /** The files of a session in the workspace that hold keys. They are deleted once nothing is left on the cluster. */
  async keys(id: string): Promise<string[]> {
    const files = await readdir(join(this.berth.home, "sessions", id));
    return files.filter((name) => /key/.test(name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.berth[Symbol.asyncDispose]();
    await this.cluster[Symbol.asyncDispose]();
  }
}

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SchedulerName } from "../../contract/resource.ts";
import type { Session } from "../../contract/session.ts";
import { Cluster } from "../cluster/cluster.ts";
import { Berth, type ServiceFiles } from "./berth.ts";
import { eventually } from "./eventually.ts";

/** Answers every request with its URL and the node's name, and says so when it begins. Python is what every node has. */
export const NODE_ECHO: ServiceFiles = {
  "start_template.sh": `
echo "echo begins on $HOSTNAME"
$sshusercontainer status "Nearly there"
exec python3 -u -c '
import http.server, os, socket, sys
class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = (socket.gethostname() + " " + self.path).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
' "$service_port"
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

  /** @param options.resources the names of the resources, each by the scheduler it is asked through; all are the same hosts */
  static async start(
    options: { services?: Record<string, ServiceFiles>; resources?: Record<string, SchedulerName> } = {},
  ): Promise<ClusterBerth> {
    const { services = { echo: NODE_ECHO }, resources = { hopper: "slurm" } } = options;
    await using stack = new AsyncDisposableStack();
    const cluster = stack.use(await Cluster.up());
    const berth = stack.use(await Berth.start({ services }));
    const entries = Object.entries(resources).map(
      ([name, scheduler]) =>
        `${name}:\n  host: ${cluster.alias()}\n  sshConfig: ${cluster.sshConfig}\n  scheduler: ${scheduler}\n`,
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
      { timeoutMs: 30_000, what: "the edge to know the cluster" },
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.berth[Symbol.asyncDispose]();
    await this.cluster[Symbol.asyncDispose]();
  }
}

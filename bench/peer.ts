import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { freePort } from "./free-port.ts";
import { Program } from "./program.ts";
import type { Target } from "./target.ts";

const require = createRequire(import.meta.url);
const CLI = join(
  dirname(require.resolve("configurable-http-proxy/package.json")),
  "bin/configurable-http-proxy",
);

/** configurable-http-proxy, JupyterHub's proxy, with one route to the service, on the Node that runs Berth. */
export class Peer implements AsyncDisposable {
  readonly target: Target;
  readonly #program: Program;

  private constructor(program: Program, target: Target) {
    this.#program = program;
    this.target = target;
  }

  /** Starts it with a route from `prefix` to the service's port; the service does not see the prefix. */
  static async start(prefix: string, service: number, signal: AbortSignal): Promise<Peer> {
    const [port, api] = [await freePort(), await freePort()];
    const token = randomBytes(16).toString("hex");
    const listen = [
      "--ip",
      "127.0.0.1",
      "--port",
      `${port}`,
      "--api-ip",
      "127.0.0.1",
      "--api-port",
      `${api}`,
    ];
    const argv = [process.execPath, CLI, ...listen, "--no-include-prefix", "--log-level", "warn"];
    await using stack = new AsyncDisposableStack();
    const program = stack.use(Program.start(argv, { env: { CONFIGPROXY_AUTH_TOKEN: token } }));
    const addRoute = async (): Promise<boolean> => {
      const answer = await fetch(`http://127.0.0.1:${api}/api/routes${prefix}`, {
        method: "POST",
        headers: { authorization: `token ${token}` },
        body: JSON.stringify({ target: `http://127.0.0.1:${service}` }),
      }).catch(() => undefined);
      return answer?.status === 201;
    };
    await program.until(addRoute, { timeoutMs: 20_000, what: "route in configurable-http-proxy", signal });
    const target: Target = { name: "peer", host: "127.0.0.1", port, prefix, headers: {} };
    stack.move();
    return new Peer(program, target);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }
}

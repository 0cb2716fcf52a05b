import { readdir, readFile, readlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { bundle } from "./bundle.ts";

/** The runtime's version and flags, as wrangler.toml gives them to a deployed edge; a test holds the two together. */
export const RUNTIME = { compatibilityDate: "2026-11-01", compatibilityFlags: ["enable_request_signal"] };

/** Attempts to log in from one address, within so many seconds: as wrangler.toml has it. */
const ATTEMPTS = { limit: 30, period: 60 } as const;

/** Where Miniflare looks for V8's flags, each time that it starts workerd; it has no option for them. */
const V8_FLAGS = "MINIFLARE_WORKERD_V8_FLAGS";

/**
 * V8's young generation: at most 2 MiB for each of its halves. By V8's own limit it holds more of what the links before have
 * left: 17 KiB for each of 2,000 idle workspaces, at the same cost of a small GET (bench/README.md).
 */
const HEAP = "--max-semi-space-size=2";

export type EdgeOptions = {
  port: number;
  /** Where the objects' storage is kept. */
  state: string;
  secrets: { token: string; agentToken: string; cookieSecret: string };
  /** More settings, as an operator sets them (docs/operator.md); they win over those of a local instance. */
  bindings?: Readonly<Record<string, string>>;
  /** Attempts to log in or to enrol that one address has in a minute; all of a bench's users have the same. */
  attempts?: number;
};

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Miniflare ends its process on these signals at once; here `npm start` decides, and ends everything in order. */
function keepSignals<Value>(make: () => Value): Value {
  const before = new Map(SIGNALS.map((signal) => [signal, process.listeners(signal)]));
  const value = make();
  for (const signal of SIGNALS) {
    for (const listener of process.listeners(signal)) {
      if (before.get(signal)?.includes(listener) === false) process.off(signal, listener);
    }
  }
  return value;
}

/** The edge on this machine: the bundled Worker in workerd, its storage on disk, bound to loopback. */
export class LocalEdge implements AsyncDisposable {
  readonly #miniflare: Miniflare;

  private constructor(miniflare: Miniflare) {
    this.#miniflare = miniflare;
  }

  /** Resolves when workerd listens. Rejects when it cannot, such as when the port is taken. */
  static async start(options: EdgeOptions): Promise<LocalEdge> {
    const script = await bundle();
    process.env[V8_FLAGS] ??= HEAP;
    const miniflare = keepSignals(
      () =>
        new Miniflare({
          ...convertV4MiniflareOptions({
            name: "berth",
            modules: true,
            script,
            ...RUNTIME,
            log: new Log(LogLevel.WARN),
            cf: false,
            // The Worker's own socket: the entry in front of it is for development and would cost every request a hop.
            unsafeDirectSockets: [{ host: "127.0.0.1", port: options.port }],
            host: "127.0.0.1",
            port: 0,
            durableObjects: {
              WORKSPACE: { className: "Workspace", useSQLite: true },
              REGISTRY: { className: "Registry", useSQLite: true },
            },
            ratelimits: {
              ATTEMPTS: {
                namespace_id: "1",
                simple: { ...ATTEMPTS, ...(options.attempts !== undefined && { limit: options.attempts }) },
              },
            },
            bindings: {
              BERTH_CONSOLE_HOST: "localhost",
              BERTH_LOGIN: "link",
              BERTH_API_TOKEN: options.secrets.token,
              BERTH_AGENT_TOKEN: options.secrets.agentToken,
              BERTH_COOKIE_SECRET: options.secrets.cookieSecret,
              ...options.bindings,
            },
          }),
          resourcePersistencePath: options.state,
        }),
    );
    await miniflare.ready;
    return new LocalEdge(miniflare);
  }

  /** workerd's process id: this process's child with that name. */
  static async pid(): Promise<number | undefined> {
    for (const task of await readdir("/proc/self/task")) {
      const children = await readFile(join("/proc/self/task", task, "children"), "utf8").catch(() => "");
      for (const child of children.split(" ").filter(Boolean)) {
        const executable = await readlink(join("/proc", child, "exe")).catch(() => "");
        if (basename(executable).startsWith("workerd")) return Number(child);
      }
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#miniflare.dispose();
  }
}

import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { randomBytes } from "node:crypto";
import { isLoopback, parseEdge } from "./edge-file.ts";

/** Where Berth keeps its state on this machine, and where the local edge listens (design 3.4). */
export type Config = {
  home: string;
  /** The local edge's port. */
  port: number;
  /** The edge's origin: of the environment, else the local one. */
  edge: URL;
  /** The environment names it; else the command line may know another (edge-access.ts). */
  isEdgeNamed: boolean;
  /** The API token of the environment. */
  token: string | undefined;
  /** How large a session's log may become, bytes; undefined where nothing is said. */
  logLimit: number | undefined;
};

const DEFAULT_PORT = 8787;

/**
 * Reads the configuration from the environment.
 * @throws RangeError when `BERTH_PORT` is not a port, or `BERTH_LOG_LIMIT` no number of MiB
 * @throws BerthError `invalid_request` when `BERTH_EDGE` is no edge's address
 */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const home = resolve(environment["BERTH_HOME"] ?? join(homedir(), ".berth"));
  const given = environment["BERTH_PORT"];
  const port = given === undefined || given === "" ? DEFAULT_PORT : Number(given);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new RangeError(
      `Cannot use BERTH_PORT "${given}": it is not a port. Choose a number from 1024 to 65535`,
    );
  }
  const named = environment["BERTH_EDGE"] ?? "";
  const edge = named === "" ? localEdge(port) : parseEdge(named);
  return {
    home,
    port,
    edge,
    isEdgeNamed: named !== "",
    token: environment["BERTH_TOKEN"] || undefined,
    logLimit: logLimitOf(environment["BERTH_LOG_LIMIT"] ?? ""),
  };
}

const MiB = 1_048_576;

function logLimitOf(text: string): number | undefined {
  if (text === "") return undefined;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text) * MiB;
  throw new RangeError(
    `Cannot use BERTH_LOG_LIMIT "${text}": it is no number of MiB. Choose a whole number from 1 on`,
  );
}

const localEdge = (port: number): URL => new URL(`http://localhost:${port}`);

/** The same machine's own instance, whatever other edge is named. */
export const ownInstance = (config: Config): Config => ({
  ...config,
  edge: localEdge(config.port),
  isEdgeNamed: true,
  token: undefined,
});

/** Whether an edge is this machine's own, to which alone its secrets are shown. */
export const isOwnEdge = ({ port }: Pick<Config, "port">, edge: URL): boolean =>
  edge.protocol === "http:" && isLoopback(edge.hostname) && Number(edge.port || 80) === port;

/** The secrets of the local instance, each in a file of mode 0600 under `BERTH_HOME`. */
const SECRETS = { token: "token", agentToken: "agent-token", cookieSecret: "cookie-secret" } as const;
export type Secret = keyof typeof SECRETS;

const secretPath = (home: string, secret: Secret): string => join(home, SECRETS[secret]);

/** Makes `BERTH_HOME`, for nobody else to read. */
export async function makeHome(home: string): Promise<void> {
  await mkdir(join(home, "run"), { recursive: true, mode: 0o700 });
  await chmod(home, 0o700);
}

/** A secret that exists; undefined when it does not. */
export async function readSecret(home: string, secret: Secret): Promise<string | undefined> {
  try {
    return (await readFile(secretPath(home, secret), "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** A secret, made on first use: 256 random bits in base64url. */
export async function ensureSecret(home: string, secret: Secret): Promise<string> {
  const existing = await readSecret(home, secret);
  if (existing !== undefined && existing !== "") return existing;
  const made = randomBytes(32).toString("base64url");
  await writeFile(secretPath(home, secret), `${made}\n`, {
    mode: 0o600,
    flag: existing === undefined ? "wx" : "w",
  });
  return made;
}

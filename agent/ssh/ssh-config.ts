import { execFile } from "node:child_process";
import { hostname, userInfo } from "node:os";
import { promisify } from "node:util";
import { SshError } from "./trouble.ts";

/** How a host is named to ssh: an alias or `user@host`, as `ssh` takes it; `configFile` as `ssh -F` takes it. */
export type SshDestination = { host: string; configFile?: string };

/** A host of a ProxyJump list: `[user@]host[:port]`. */
export type Hop = { host: string; user?: string; port?: number };

/** What lies between the workspace and a host. `jump`: through `last`, which itself is reached through `before`. */
type Way =
  | { kind: "direct" }
  | { kind: "jump"; last: Hop; before: string | undefined }
  | { kind: "command"; command: string };

/** A host's configuration, as ssh itself reads it. */
export type HostConfig = {
  /** As the user named it. */
  alias: string;
  hostname: string;
  port: number;
  user: string;
  way: Way;
  /** In the order in which ssh tries them. */
  identityFiles: string[];
  /** Of an agent's keys, only those of `identityFiles` are shown to the host. */
  identitiesOnly: boolean;
  /** The ssh-agent's socket, where there is to be one. */
  agentSocket: string | undefined;
  /** How known_hosts files name the host: HostKeyAlias, else `host` or `[host]:port`. */
  knownHostsName: string;
  knownHostsFiles: string[];
  connectTimeoutMs: number;
};

/** How a host of a jump is asked for: what its ProxyJump list says goes before its own entry in the configuration. */
export type HopDestination = SshDestination & { user?: string; port?: number; jump?: string };

const READ_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 15_000;

/** What ssh puts into a ProxyCommand unquoted: nothing that a shell reads otherwise. */
const PLAIN = /^[\w.:@%+,[\]-]+$/;

/**
 * Asks `ssh -G`, which reads the user's and the system's configuration and connects to nothing.
 * @throws SshError `config`, `no_ssh`
 */
export async function readHostConfig(destination: HopDestination): Promise<HostConfig> {
  const { host, configFile, user, port, jump } = destination;
  if (host.startsWith("-") || host === "")
    throw new SshError("config", `Cannot reach "${host}": this is no name of a host.`);
  const flags = [
    ...(configFile === undefined ? [] : ["-F", configFile]),
    ...(user === undefined ? [] : ["-l", user]),
    ...(port === undefined ? [] : ["-p", String(port)]),
    ...(jump === undefined ? [] : ["-J", jump]),
  ];
  try {
    const { stdout } = await promisify(execFile)("ssh", ["-G", ...flags, "--", host], {
      timeout: READ_TIMEOUT_MS,
    });
    return parseHostConfig(host, stdout, process.env);
  } catch (error) {
    if (error instanceof SshError) throw error;
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    if (code === "ENOENT")
      throw new SshError("no_ssh", "Cannot read your ssh configuration: there is no `ssh` on the PATH.");
    const reason = stderr === undefined || stderr.trim() === "" ? String(error) : stderr.trim();
    throw new SshError("config", `Cannot read the ssh configuration for "${host}": ${reason}`, {
      cause: error,
    });
  }
}

/** Reads what `ssh -G` prints. It leaves `~`, `%h` and `${NAME}` for their users to expand (ssh_config(5), TOKENS). */
export function parseHostConfig(
  alias: string,
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): HostConfig {
  const values = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const at = line.indexOf(" ");
    if (at < 0) continue;
    const key = line.slice(0, at).toLowerCase();
    values.set(key, [...(values.get(key) ?? []), line.slice(at + 1)]);
  }
  const first = (key: string): string | undefined => {
    const value = values.get(key)?.[0];
    return value === "none" ? undefined : value;
  };
  const hostName = first("hostname") ?? alias;
  const port = Number(first("port") ?? 22);
  const user = first("user") ?? userInfo().username;
  const keyAlias = first("hostkeyalias");
  const jump = first("proxyjump");
  const command = first("proxycommand");

  const home = userInfo().homedir;
  const tokens: Record<string, string> = {
    "%": "%",
    d: home,
    h: hostName,
    i: String(userInfo().uid),
    j: jump ?? "",
    k: keyAlias ?? alias,
    L: hostname().split(".")[0] ?? "",
    l: hostname(),
    n: alias,
    p: String(port),
    r: user,
    u: userInfo().username,
  };
  const expandTokens = (value: string): string =>
    value.replaceAll(/%(.)/gu, (whole, token: string) => tokens[token] ?? whole);
  const expandPath = (value: string): string =>
    expandTokens(value)
      .replace(/^~(?=\/|$)/, home)
      .replaceAll(/\$\{(\w+)\}/g, (whole, name: string) => environment[name] ?? whole);

  let way: Way = { kind: "direct" };
  if (jump !== undefined) way = wayThrough(jump);
  else if (command !== undefined) {
    const unsafe = [hostName, alias, user].find((word) => !PLAIN.test(word));
    if (unsafe !== undefined)
      throw new SshError(
        "config",
        `Cannot use a ProxyCommand for "${unsafe}": a shell would read that name.`,
      );
    way = { kind: "command", command: expandTokens(command) };
  }
  const files = (key: string): string[] =>
    (first(key) ?? "")
      .split(" ")
      .filter((file) => file !== "" && file !== "none")
      .map(expandPath);
  const timeout = Number(first("connecttimeout"));
  return {
    alias,
    hostname: hostName,
    port,
    user,
    way,
    identityFiles: (values.get("identityfile") ?? []).filter((file) => file !== "none").map(expandPath),
    identitiesOnly: first("identitiesonly") === "yes",
    agentSocket: agentSocket(values.get("identityagent")?.[0], environment, expandPath),
    knownHostsName: (keyAlias ?? (port === 22 ? hostName : `[${hostName}]:${port}`)).toLowerCase(),
    knownHostsFiles: [...files("userknownhostsfile"), ...files("globalknownhostsfile")],
    connectTimeoutMs: timeout > 0 ? timeout * 1000 : CONNECT_TIMEOUT_MS,
  };
}

function agentSocket(
  value: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  expandPath: (path: string) => string,
): string | undefined {
  if (value === "none") return undefined;
  const path =
    value === undefined || value === "SSH_AUTH_SOCK"
      ? environment["SSH_AUTH_SOCK"]
      : value.startsWith("$") && !value.startsWith("${")
        ? environment[value.slice(1)]
        : expandPath(value);
  return path === "" ? undefined : path;
}

function wayThrough(jump: string): Way {
  const at = jump.lastIndexOf(",");
  return { kind: "jump", last: parseHop(jump.slice(at + 1)), before: at < 0 ? undefined : jump.slice(0, at) };
}

/** `[user@]host[:port]` or `ssh://[user@]host[:port]`; an IPv6 address with a port stands in brackets. */
export function parseHop(text: string): Hop {
  const match =
    /^(?:ssh:\/\/)?(?:(?<user>.+)@)?(?:\[(?<literal>[^\]]+)\]|(?<name>[^:@]+|[^@]*:[^@]*:[^@]*))(?::(?<port>\d+))?\/?$/.exec(
      text.trim(),
    );
  const host = match?.groups?.["literal"] ?? match?.groups?.["name"];
  if (host === undefined)
    throw new SshError("config", `Cannot read the jump host "${text}" of your ssh configuration.`);
  const user = match?.groups?.["user"];
  const port = match?.groups?.["port"];
  return {
    host,
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port: Number(port) }),
  };
}

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdir, readFile, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { SshConnection, type SshConnectionOptions } from "../../agent/ssh/connection.ts";
import { temporaryDirectory } from "./session-directory.ts";

type KeyType = "ed25519" | "rsa" | "ecdsa";

/** Makes a key pair; the public half is beside it, `.pub`. */
export function makeKey(
  path: string,
  type: KeyType = "ed25519",
  passphrase = "",
  format: string[] = [],
): void {
  const bits = type === "rsa" ? ["-b", "2048"] : [];
  execFileSync("ssh-keygen", ["-q", "-t", type, ...bits, "-N", passphrase, "-C", "", ...format, "-f", path]);
}

/** A real sshd on loopback, and a client's configuration that names it. */
export type Sshd = {
  directory: string;
  port: number;
  /** The key that it lets in. */
  identityFile: string;
  /** Berth's known_hosts: it holds this host's keys. */
  knownHosts: string;
  /** Its entry in a client's configuration, with further lines, which win. */
  entry: (alias: string, lines?: readonly string[]) => string;
  /** The lines of known_hosts for it. */
  knownHostsLines: () => Promise<string>;
  /** The public half of a key may log in. */
  authorize: (publicKeyFile: string) => Promise<void>;
  /** Its processes, one for each connection. */
  connections: () => ChildProcess[];
  /** Ends its side of every connection at once, as a crash does. */
  killConnections: () => void;
  /** How many connections there have been. */
  accepted: () => number;
  /** Accepts no connection, or does again. */
  close: () => Promise<void>;
  reopen: () => Promise<void>;
  log: () => Promise<string>;
};

/**
 * Starts it: one `sshd -i` for each connection, as this user, with its own keys, configuration and home.
 * @param options.config further lines of sshd_config
 * @param options.home the files of the home directory that its sessions see, such as `.bashrc`
 */
export async function startSshd(
  options: {
    config?: readonly string[];
    hostKeys?: readonly KeyType[];
    home?: Readonly<Record<string, string>>;
  } = {},
): Promise<Sshd> {
  const { config = [], hostKeys = ["ed25519"], home = {} } = options;
  // Where sshd runs as root it wants the directory for its separated, unprivileged part.
  if (process.getuid?.() === 0) await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  const directory = await temporaryDirectory("berth-sshd-");
  const at = (name: string): string => join(directory, name);
  for (const type of hostKeys) makeKey(at(`host_${type}`), type);
  makeKey(at("id_ed25519"));
  const authorize = async (file: string): Promise<void> =>
    appendFile(at("authorized_keys"), await readFile(file));
  await authorize(at("id_ed25519.pub"));
  await mkdir(at("home"));
  for (const [file, text] of Object.entries(home)) await writeFile(join(at("home"), file), text);
  const lines = [
    ...config,
    `SetEnv HOME=${at("home")}`,
    ...hostKeys.map((type) => `HostKey ${at(`host_${type}`)}`),
    `AuthorizedKeysFile ${at("authorized_keys")}`,
    "StrictModes no",
    "UsePAM no",
    "PermitRootLogin yes",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PidFile none",
    "PrintMotd no",
    "LogLevel VERBOSE",
  ];
  await writeFile(at("sshd_config"), `${lines.join("\n")}\n`);

  const children = new Set<ChildProcess>();
  let accepted = 0;
  // The socket is handed over untouched: nothing may be read from it here.
  const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
    accepted += 1;
    const flags = ["-i", "-f", at("sshd_config"), "-E", at("log")];
    const child = spawn("/usr/sbin/sshd", flags, { stdio: [socket, socket, "ignore"] });
    children.add(child);
    child.on("exit", () => children.delete(child)).on("error", () => children.delete(child));
    socket.on("error", () => undefined).destroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  onTestFinished(() => {
    server.close();
    for (const child of children) child.kill("SIGKILL");
  });

  const knownHostsLines = async (): Promise<string> => {
    const keys = await Promise.all(hostKeys.map((type) => readFile(at(`host_${type}.pub`), "utf8")));
    return keys.map((key) => `[127.0.0.1]:${port} ${key.split(" ").slice(0, 2).join(" ").trim()}\n`).join("");
  };
  await writeFile(at("known_hosts"), await knownHostsLines());
  return {
    directory,
    port,
    identityFile: at("id_ed25519"),
    knownHosts: at("known_hosts"),
    knownHostsLines,
    authorize,
    connections: () => [...children],
    killConnections: () => {
      for (const child of children) child.kill("SIGKILL");
    },
    accepted: () => accepted,
    entry: (alias, further = []) =>
      [
        `Host ${alias}`,
        ...further,
        "HostName 127.0.0.1",
        `Port ${port}`,
        `User ${userInfo().username}`,
        `IdentityFile ${at("id_ed25519")}`,
        "IdentityAgent none",
        `UserKnownHostsFile ${at("user_known_hosts")}`,
        "GlobalKnownHostsFile /dev/null\n",
      ].join("\n  "),
    close: async () => {
      server.close();
      if (server.listening) await once(server, "close");
    },
    reopen: async () => {
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
    },
    log: () => readFile(at("log"), "utf8").catch(() => ""),
  };
}

/**
 * A connection to it, which ends with the test.
 * @param lines further ones of its entry in the client's configuration
 * @param others the entries of other hosts
 * @param options further ones of the connection
 */
export async function connectionTo(
  server: Sshd,
  lines: readonly string[] = [],
  others: readonly string[] = [],
  options: Partial<SshConnectionOptions> = {},
): Promise<SshConnection> {
  const configFile = join(server.directory, "ssh_config");
  await writeFile(configFile, [server.entry("cluster", lines), ...others].join(""));
  const nothing = (): void => undefined;
  const connection = new SshConnection({
    destination: { host: "cluster", configFile },
    knownHosts: server.knownHosts,
    log: { info: nothing, warn: nothing },
    // The shortest pauses that jitter may draw, so that nothing waits.
    random: () => 0,
    ...options,
  });
  onTestFinished(() => connection[Symbol.asyncDispose]());
  return connection;
}

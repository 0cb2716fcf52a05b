import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type Argv, type CommandOptions, type Ended, mustRun, run } from "./command.ts";
import type { HostName, Layout, UserName } from "./layout.ts";

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export type ExecOptions = Pick<CommandOptions, "input" | "signal"> & {
  /** Whose process it is; root unless told. */
  user?: UserName;
  /** Joins the environment of a fresh login. */
  env?: Readonly<Record<string, string>>;
};

/** One host of a cluster: network, hostname and mounts of its own, held by a process that sleeps. */
export class Host {
  readonly name: HostName;
  /** The process whose namespaces are the host. */
  readonly pid: number;
  readonly #layout: Layout;

  constructor(layout: Layout, name: HostName, pid: number) {
    this.#layout = layout;
    this.name = name;
    this.pid = pid;
  }

  /** Starts a host without a link to anywhere; its directory is filled before. */
  static async start(layout: Layout, name: HostName): Promise<Host> {
    const script = join(import.meta.dirname, "host.sh");
    const child = spawn(
      "unshare",
      ["--net", "--uts", "--mount", "sh", script, name, layout.hostDirectory(name), layout.home],
      { cwd: "/", stdio: ["ignore", "pipe", "pipe"], detached: true },
    );
    const failed = new Promise<never>((_, reject) => child.once("error", reject));
    // Both streams end when the script turns into the process that sleeps.
    const [said, complaint] = await Promise.race([
      Promise.all([text(child.stdout), text(child.stderr)]),
      failed,
    ]);
    if (said !== "ready\n" || child.pid === undefined)
      throw new Error(`Cannot start the host "${name}":\n${complaint}${said}`);
    child.unref();
    return new Host(layout, name, child.pid);
  }

  /** The device that leads to the other hosts; the controller's, to the workspace. */
  get device(): string {
    return this.name === "ctl" ? "uplink" : "eth0";
  }

  #enter(argv: Argv): Argv {
    return ["nsenter", `--target=${this.pid}`, "--net", "--uts", "--mount", "--", ...argv];
  }

  /** Runs a program on the host with a fresh login's environment, in the user's home directory. */
  exec(argv: Argv, options: ExecOptions = {}): Promise<Ended> {
    const { user, env, ...rest } = options;
    const home = user === undefined ? "/root" : `/home/${user}`;
    const login = { HOME: home, USER: user ?? "root", LOGNAME: user ?? "root", SHELL: "/bin/bash", PATH };
    const variables = Object.entries({ ...login, ...env }).map(([name, value]) => `${name}=${value}`);
    const inHome: Argv = ["env", "-i", "-C", home, ...variables, ...argv];
    if (user === undefined) return run(this.#enter(inHome), rest);
    const uid = this.#layout.uid(user);
    return run(
      this.#enter(["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", ...inHome]),
      rest,
    );
  }

  /** Runs a program on the host, as root, that has to succeed. Returns its output. */
  async mustExec(argv: Argv): Promise<string> {
    const { code, stdout, stderr } = await this.exec(argv);
    if (code !== 0) throw new Error(`Cannot run \`${argv.join(" ")}\` on ${this.name}: ${stderr}${stdout}`);
    return stdout;
  }

  /** Starts a program that puts itself into the background, with this process's own environment. */
  async daemon(argv: Argv): Promise<void> {
    await mustRun(this.#enter(argv), { env: { ...process.env, PATH } });
  }

  /** Sends an ip-batch(8) to the host's ip(8). */
  async ip(...lines: readonly string[]): Promise<void> {
    await this.#feed(["ip", "-batch", "-"], lines);
  }

  /** Sends lines to the host's nft(8), which takes all of them or none. */
  async nft(...lines: readonly string[]): Promise<void> {
    await this.#feed(["nft", "-f", "-"], lines);
  }

  async #feed(argv: Argv, lines: readonly string[]): Promise<void> {
    await mustRun(this.#enter(argv), { input: `${lines.join("\n")}\n` });
  }
}

import { execFile } from "node:child_process";
import { userInfo } from "node:os";
import { BerthError } from "../contract/problem.ts";
import { isMissing } from "./regular-file.ts";

/** The unit's name. */
export const UNIT = "berth-agent.service";

/** What runs longer than this hangs. Milliseconds. */
const TIMEOUT_MS = 60_000;

type Answer = { code: number; stdout: string; stderr: string };

/** Runs one of systemd's programs. Undefined where there is none. */
function run(program: string, args: readonly string[]): Promise<Answer | undefined> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      if (error === null) resolve({ code: 0, stdout, stderr });
      else if (isMissing(error)) resolve(undefined);
      else if (typeof error.code === "number") resolve({ code: error.code, stdout, stderr });
      else reject(new Error(`${program} did not end by itself`, { cause: error }));
    });
  });
}

const firstLine = (text: string): string => text.trim().split("\n", 1)[0] ?? "";

/** This user's own systemd, by which services of theirs run without root. */
export class UserSystemd {
  private constructor() {}

  /** @throws BerthError `no_systemd` where there is none, with what it says itself */
  static async connect(): Promise<UserSystemd> {
    const answer = await run("systemctl", ["--user", "show", "--property=Version"]);
    if (answer === undefined) throw new BerthError("no_systemd", "there is no systemctl");
    if (answer.code !== 0)
      throw new BerthError(
        "no_systemd",
        `systemd does not answer for this user: ${firstLine(answer.stderr)}`,
      );
    return new UserSystemd();
  }

  /** @throws BerthError `no_systemd` with what systemctl says, when it fails */
  async control(...args: readonly string[]): Promise<string> {
    const answer = await run("systemctl", ["--user", ...args]);
    if (answer?.code === 0) return answer.stdout;
    const said = firstLine(answer?.stderr ?? "");
    throw new BerthError("no_systemd", `systemctl --user ${args.join(" ")} failed: ${said}`);
  }

  /** Properties of the unit (systemctl(1), "show"); of one that is not there, too. */
  async show(...properties: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const text = await this.control("show", UNIT, `--property=${properties.join(",")}`);
    return new Map(
      text
        .split("\n")
        .filter((line) => line.includes("="))
        .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    );
  }

  /** Whether this user's services run without a login (loginctl(1), "enable-linger"); undefined when nobody says. */
  async lingers(): Promise<boolean | undefined> {
    const answer = await run("loginctl", ["show-user", userInfo().username, "--property=Linger"]);
    if (answer?.code !== 0) return undefined;
    return answer.stdout.trim() === "Linger=yes";
  }
}

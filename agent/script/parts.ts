import { readFileSync } from "node:fs";
import { BerthError } from "../../contract/problem.ts";
import type { Inputs } from "../../contract/session.ts";
import { quote } from "./quote.ts";

/**
 * A command prefix that reaches the agent. Scripts use it unquoted, so that it is one plain word: where the session's
 * path is none, the file is reached through the directory in which the script itself runs.
 */
const tellCommand = (directory: string): string =>
  /^[\w@%+:,./-]+$/.test(directory) ? `${directory}/tell` : "/proc/$$/cwd/tell";

/**
 * Variables for a service's scripts (design 3.3). An input can hold megabytes and secrets, and an environment neither
 * (128 KiB a string; readable in /proc): they are shell variables only, also where the environment has one of that name.
 * @throws BerthError `invalid_input` for a name that is none, or a NUL
 */
export function assignments(inputs: Inputs, own: Record<string, string>, directory: string): string {
  const variables = new Map<string, string>([
    // First, so that no input takes the place of a variable of ours.
    ...Object.entries(inputs).map(([name, value]) => [`service_${name}`, String(value)] as const),
    ...Object.entries(own),
  ]);
  const bad = [...variables.keys()].find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (bad !== undefined)
    throw new BerthError(
      "invalid_input",
      `Cannot hand over ${JSON.stringify(bad)}: it is no name of a shell variable`,
    );
  return [
    ...[...variables].map(([name, value]) => `${name}=${quote(value)}`),
    `sshusercontainer=${tellCommand(directory)}`,
    `export -n ${[...variables.keys(), "sshusercontainer"].join(" ")}`,
  ].join("\n");
}

/** The text of a shell library of this folder. */
export const library = (name: string): string =>
  readFileSync(new URL(name, import.meta.url), "utf8").trimEnd();

/**
 * Sources a file so that neither `exec` nor `exit` in it loses what follows, in the session's directory and without
 * input; `first` is a command to run before it. TERM and INT end it once its foreground command has ended, which the same signal to the process group sees to.
 */
export const run = (file: string, first = ":"): string => `(
  ${first}
  # What the application saves for its user is as open as the user's other files.
  umask "$mask"
  trap : HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  . ${quote(file)}
) </dev/null`;

/** Handlers rather than `trap ''`: an ignored signal would stay ignored in the service. */
export const SURVIVE = "trap : HUP INT QUIT USR1 USR2 PIPE ALRM TERM";

export const SHEBANG = "#!/usr/bin/env bash";

/**
 * Takes the start lock: whoever creates `pid` ("<pid> <start>", the start in clock ticks since the boot,
 * proc_pid_stat(5)) runs the session, and a second one exits with 75 and changes nothing.
 */
export const START_LOCK = `# The start lock. The name in the second field may hold spaces and parentheses; what follows it does not.
stat=$(</proc/$$/stat)
set -- \${stat##*) }
(set -C && printf '%s %s\\n' "$$" "\${20}" >pid) 2>/dev/null || {
  echo "Not started: pid is there already, or cannot be written." >&2
  exit 75
}
set --
unset -v stat`;

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BerthError } from "../../contract/problem.ts";
import type { SessionSpec } from "../../contract/session.ts";
import { quote } from "./quote.ts";

/** A service's own scripts. File names with `-` for `_`, or a `-v3` before the suffix, are accepted (design 3.3). */
const SCRIPTS = {
  start: /^start[-_]template(?:[-_]v(\d+))?\.sh$/,
  kill: /^kill[-_]template(?:[-_]v(\d+))?\.sh$/,
  controller: /^controller(?:[-_]v(\d+))?\.sh$/,
} as const;

/**
 * Finds one of a service's scripts. Of several spellings the highest version counts; among equals `_` before `-`.
 * @returns its path, or undefined when the folder has none, or is none
 */
export function findScript(folder: string, kind: keyof typeof SCRIPTS): string | undefined {
  const version = (name: string): number => Number(SCRIPTS[kind].exec(name)?.[1] ?? 0);
  const [found] = list(folder)
    .filter((name) => SCRIPTS[kind].test(name))
    .toSorted((one, other) => version(other) - version(one) || (one < other ? 1 : -1));
  return found === undefined ? undefined : join(folder, found);
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

export type SessionScriptOptions = {
  spec: SessionSpec;
  /** The session's directory; absolute, like every path here. */
  directory: string;
  /** The service's folder. */
  serviceDirectory: string;
  /** The port on which the service is to listen. */
  port: number;
  /** The port of the URL. In the workspace it is the same. */
  openPort: number;
  /** `/me/<openPort>`, or `/sme/<openPort>` for a service that speaks HTTPS. */
  basepath: string;
  /** Where services may install software for good. */
  installDirectory: string;
  resourceName: "workspace";
  /** The path of a Node ≥ 24, for services that are written in it. */
  nodePath: string;
};

/**
 * A command prefix that reaches the agent. Scripts use it unquoted, so that it is one plain word: where the session's
 * path is none, the file is reached through the directory in which the script itself runs.
 */
const tellCommand = (directory: string): string =>
  /^[\w@%+:,./-]+$/.test(directory) ? `${directory}/tell` : "/proc/$$/cwd/tell";

/**
 * The variables of design 3.3. An input can hold megabytes and secrets, and an environment neither (128 KiB a string;
 * readable in /proc): they are shell variables only, also where the agent's own environment has one of that name.
 */
function assignments(options: SessionScriptOptions): string {
  const { spec, directory, port, openPort, basepath, installDirectory, resourceName, nodePath } = options;
  const inputs = Object.entries(spec.inputs).map(
    ([name, value]) => [`service_${name}`, String(value)] as const,
  );
  const variables = new Map<string, string>([
    // First, so that no input takes the place of a variable of ours.
    ...inputs,
    ["service_port", String(port)],
    ["servicePort", String(port)],
    ["openPort", String(openPort)],
    ["basepath", basepath],
    ["job_number", spec.id],
    ["resource_jobdir", directory],
    ["pw_job_dir", directory],
    ["service_parent_install_dir", installDirectory],
    ["jobschedulertype", "LOCAL"],
    ["resource_name", resourceName],
    ["berth_node", nodePath],
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

const library = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8").trimEnd();

/**
 * Sources a file so that neither `exec` nor `exit` in it loses what follows, in the session's directory and without
 * input. TERM and INT end it once its foreground command has ended, which the same signal to the process group sees to.
 */
const run = (file: string): string => `(
  # What the application saves for its user is as open as the user's other files.
  umask "$mask"
  trap : HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  . ${quote(file)}
) </dev/null`;

/** Handlers rather than `trap ''`: an ignored signal would stay ignored in the service. */
const SURVIVE = "trap : HUP INT QUIT USR1 USR2 PIPE ALRM TERM";

const SHEBANG = "#!/usr/bin/env bash";

/**
 * The script `session.sh` of a session in the workspace. It runs once: whoever creates `pid` ("<pid> <start>", the
 * start in clock ticks since the boot, proc_pid_stat(5)) runs the service, and a second one exits with 75 and changes
 * nothing. When the service has ended, its exit code (128 and the signal's number for a signal) stands in `exit`, and
 * `ended` in `reports`. Signals to its process group end the service; the script itself outlives all but KILL.
 * @throws BerthError `unknown_service` when the folder has no start script; `invalid_input` for a NUL in an input
 */
export function sessionScript(options: SessionScriptOptions): string {
  const { spec, directory, serviceDirectory } = options;
  const start = findScript(serviceDirectory, "start");
  if (start === undefined)
    throw new BerthError(
      "unknown_service",
      `Cannot start "${spec.service}": its folder has no start_template.sh`,
    );
  return `${SHEBANG}
# Session ${spec.id}, written by Berth.
mask=$(umask)
umask 077
cd -- ${quote(directory)} || exit 74

# The start lock. The name in the second field may hold spaces and parentheses; what follows it does not.
stat=$(</proc/$$/stat)
set -- \${stat##*) }
(set -C && printf '%s %s\\n' "$$" "\${20}" >pid) 2>/dev/null || {
  echo "Not started: pid is there already, or cannot be written." >&2
  exit 75
}
set --
unset -v stat

${assignments(options)}

${library("functions.sh")}

${SURVIVE}
# In braces: bash reads a group to its end before it runs it, so that the service cannot rewrite what comes after it.
{
${run(start)}
code=$?
# Whatever the service has put in their places: a pipe would keep this waiting.
rm -rf exit.tmp exit
printf '%s\\n' "$code" >exit.tmp && mv -f exit.tmp exit
[[ -p reports ]] || printf 'ended\\0%s\\0' "$code" >>reports
exit "$code"
}
`;
}

/**
 * The script that cleans up at a cancel: the service's kill_template.sh, then the cancel.sh that its start script may
 * have left in the session's directory. Repeatable. TERM to its process group ends the one that runs and goes on to
 * the next, so that a caller can put a limit on each. Exits with 1 when one of them failed.
 */
export function killScript(options: SessionScriptOptions): string {
  const { spec, directory, serviceDirectory } = options;
  const kill = findScript(serviceDirectory, "kill");
  return `${SHEBANG}
# Cancels session ${spec.id}, written by Berth.
mask=$(umask)
umask 077
cd -- ${quote(directory)} || exit 74

${assignments(options)}

${library("functions.sh")}

${SURVIVE}
{
failed=0
${kill === undefined ? "" : `${run(kill)}\nfailed=$((failed || $?))`}
if [[ -f cancel.sh ]]; then
${run("./cancel.sh")}
failed=$((failed || $?))
fi
exit "$failed"
}
`;
}

/** The script `tell` of a session's directory, to which `$sshusercontainer` leads: mode 0700. */
export const tellScript = (directory: string): string => `${SHEBANG}
reports=${quote(join(directory, "reports"))}
${library("tell.sh")}
`;

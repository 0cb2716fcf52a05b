import { join } from "node:path";
import { BerthError } from "../../contract/problem.ts";
import type { SessionSpec } from "../../contract/session.ts";
import { assignments, library, run, SHEBANG, START_LOCK, SURVIVE } from "./parts.ts";
import { quote } from "./quote.ts";
import { findScript } from "./service-scripts.ts";

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

const variables = (options: SessionScriptOptions): string =>
  assignments(
    options.spec.inputs,
    {
      service_port: String(options.port),
      servicePort: String(options.port),
      openPort: String(options.openPort),
      basepath: options.basepath,
      job_number: options.spec.id,
      resource_jobdir: options.directory,
      pw_job_dir: options.directory,
      service_parent_install_dir: options.installDirectory,
      jobschedulertype: "LOCAL",
      resource_name: options.resourceName,
      berth_node: options.nodePath,
    },
    options.directory,
  );

/**
 * A service's start script.
 * @throws BerthError `unknown_service` when the folder has none
 */
export function startScript({ service }: SessionSpec, folder: string): string {
  const start = findScript(folder, "start");
  if (start === undefined)
    throw new BerthError("unknown_service", `Cannot start "${service}": its folder has no start_template.sh`);
  return start;
}

/**
 * The script `session.sh` of a session in the workspace. It runs once: whoever creates `pid` ("<pid> <start>", the
 * start in clock ticks since the boot, proc_pid_stat(5)) runs the service, and a second one exits with 75 and changes
 * nothing. When the service has ended, its exit code (128 and the signal's number for a signal) stands in `exit`, and
 * `ended` in `reports`. Signals to its process group end the service; the script itself outlives all but KILL.
 * @throws BerthError `unknown_service` when the folder has no start script; `invalid_input` for a NUL in an input
 */
export function sessionScript(options: SessionScriptOptions): string {
  const { spec, directory, serviceDirectory } = options;
  const start = startScript(spec, serviceDirectory);
  return `${SHEBANG}
# Session ${spec.id}, written by Berth.
mask=$(umask)
umask 077
cd -- ${quote(directory)} || exit 74

${START_LOCK}

${variables(options)}

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

${variables(options)}

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

import { basename } from "node:path";
import type { SessionSpec } from "../../contract/session.ts";
import { assignments, library, run, SHEBANG, START_LOCK } from "./parts.ts";
import { quote } from "./quote.ts";
import { findScript } from "./service-scripts.ts";
import { startScript } from "./session-script.ts";

/** What the scheduler is called for a service's scripts (design 3.3). */
export type JobSchedulerType = "CONTROLLER" | "SLURM" | "PBS";

export type ClusterScriptOptions = {
  spec: SessionSpec;
  /** The session's directory on the cluster; absolute, like every path here. */
  directory: string;
  /** The session's directory in the workspace. */
  workspaceDirectory: string;
  /** The service's folder in the workspace; a copy of it is `service` in the session's directory. */
  serviceDirectory: string;
  /** The workspace port. */
  openPort: number;
  /** `/me/<openPort>`, or `/sme/<openPort>` for a service that speaks HTTPS. */
  basepath: string;
  /** Where services may install software for good, on the cluster. */
  installDirectory: string;
  scheduler: JobSchedulerType;
  resourceName: string;
  /** The service listens on the unix socket `$service_socket` instead of a port. */
  isOnSocket: boolean;
  /** Lines of bash that run before the service's own, in the same shell. */
  prologue: string | undefined;
  /** `<first>-<last>`: the ports that the nodes let pass; undefined for any. */
  portRange: string | undefined;
};

/** One of the service's scripts as it lies on the cluster. */
const copyOf = (script: string): string => `./service/${basename(script)}`;

function variables(options: ClusterScriptOptions): string {
  const { spec, directory, portRange } = options;
  return assignments(
    spec.inputs,
    {
      openPort: String(options.openPort),
      basepath: options.basepath,
      job_number: spec.id,
      resource_jobdir: directory,
      pw_job_dir: options.workspaceDirectory,
      service_parent_install_dir: options.installDirectory,
      jobschedulertype: options.scheduler,
      resource_name: options.resourceName,
      berth_id: spec.id,
      ...(portRange !== undefined && { berth_port_range: portRange }),
    },
    directory,
  );
}

/** `tell`, to which `$sshusercontainer` leads; `$reports` is where it appends to. */
const WRITE_TELL = `{
  printf '#!/usr/bin/env bash\\nreports=%q\\n' "$reports"
  cat <<'END_OF_TELL'
${library("tell.sh")}
END_OF_TELL
} >tell
chmod 700 tell`;

/**
 * The script `session.sh` of a session on a cluster's controller or compute node. It needs bash, OpenSSH's client and
 * the usual commands. It runs once, as the one in the workspace does; TERM, which a scheduler sends at a cancel and at
 * the end of the walltime, runs the kill scripts and ends the service. `exit` then holds the exit code, and `ended` is the
 * last report. Its output is `log` in the session's directory.
 * @throws BerthError `unknown_service` when the folder has no start script; `invalid_input` for a NUL in an input
 */
export function clusterScript(options: ClusterScriptOptions): string {
  const { spec, directory, serviceDirectory, resourceName, isOnSocket, prologue } = options;
  const start = startScript(spec, serviceDirectory);
  const kill = findScript(serviceDirectory, "kill");
  return `${SHEBANG}
# Session ${spec.id} on ${resourceName}, written by Berth.
# Its mark is in the environment from the first: by it every process of the session is known.
[[ \${BERTH_SESSION_ID-} == ${spec.id} ]] || BERTH_SESSION_ID=${spec.id} exec bash "$0"
export -n BERTH_SESSION_ID
mask=$(umask)
umask 077
cd -- ${quote(directory)} || exit 74

${START_LOCK}
exec >>log 2>&1 </dev/null

${variables(options)}

${library("functions.sh")}

. ./tunnel.sh
${library("cluster.sh")}

berth_is_stopped=
# Handlers rather than trap '': an ignored signal would stay ignored in the service.
trap : HUP INT QUIT USR1 USR2 PIPE ALRM
trap 'berth_is_stopped=1' TERM
berth_make_node_directory || exit 73
trap 'rm -rf -- "$berth_node_dir"' EXIT
reports=$berth_node_dir/reports
${WRITE_TELL}
service_port=$(findAvailablePort) || displayErrorMessage "Cannot find a free port on $HOSTNAME"
servicePort=$service_port
service_socket=${isOnSocket ? '"$berth_node_dir/socket"' : ""}
export -n service_port servicePort service_socket

berth_kill() {
${kill === undefined ? "  :" : run(copyOf(kill))}
}
berth_cancel() {
${run("./cancel.sh")}
}

[[ -z $berth_is_stopped ]] || exit 143
# In braces: bash reads a group to its end before it runs it, so that the service cannot rewrite what comes after it.
{
berth_tunnel_loop
berth_watch_ready
# With job control the service gets a process group of its own, and INT is not ignored in it.
set -m
${run(copyOf(start), ["export BERTH_SESSION_ID", prologue ?? ":"].join("\n"))} &
berth_service=$!
set +m
berth_wait
if [[ -n $berth_is_stopped ]]; then
  berth_limited 10 berth_kill
  if [[ -f cancel.sh ]]; then berth_limited 10 berth_cancel; fi
fi
berth_end_processes
berth_finish
}
`;
}

/**
 * The script that runs the service's controller.sh on the controller node, before the start. It has a directory of its
 * own within the session's, with `pid`, `exit`, `log` and `reports`.
 * @returns undefined when the service has none
 */
export function controllerScript(options: ClusterScriptOptions): string | undefined {
  const { spec, directory, serviceDirectory, resourceName } = options;
  const script = findScript(serviceDirectory, "controller");
  if (script === undefined) return undefined;
  return `${SHEBANG}
# Prepares session ${spec.id} on the controller node of ${resourceName}, written by Berth.
[[ \${BERTH_SESSION_ID-} == ${spec.id} ]] || BERTH_SESSION_ID=${spec.id} exec bash "$0"
export -n BERTH_SESSION_ID
mask=$(umask)
umask 077
cd -- ${quote(`${directory}/controller`)} || exit 74

${START_LOCK}
exec >>log 2>&1 </dev/null

${variables({ ...options, scheduler: "CONTROLLER" })}
sshusercontainer=/proc/$$/cwd/tell
reports=$PWD/reports
${WRITE_TELL}

${library("functions.sh")}

${library("cluster.sh")}

berth_is_stopped=
trap : HUP INT QUIT USR1 USR2 PIPE ALRM
trap 'berth_is_stopped=1' TERM
{
set -m
${run(`../${copyOf(script)}`, "export BERTH_SESSION_ID")} &
berth_service=$!
set +m
berth_wait
if [[ -n $berth_is_stopped ]]; then berth_end_processes; fi
printf '%s\\n' "$berth_code" >exit.tmp && mv -f exit.tmp exit
exit "$berth_code"
}
`;
}

import { error, type Finding, ok, warning } from "../../finding.ts";
import { BASH, type Patient, type ResourceCheck, runOn, saidBy } from "./check.ts";
import { runJob } from "./doctor-job.ts";

/** What the controller calls itself, and the port of its sshd as the cluster sees it (ssh(1), SSH_CONNECTION). */
const FACTS = `hostname; printf '%s\\n' "\${SSH_CONNECTION##* }"`;

/** Logs in to the controller as a node's tunnel does: by name, without asking, knowing its key. `$1` key `$2` name `$3` port */
const LOGIN = `known=$(mktemp) || exit 1
trap 'rm -f "$known"' EXIT
printf 'berth-controller %s\\n' "$1" >"$known"
ssh -n -o BatchMode=yes -o ConnectTimeout=10 -o HostKeyAlias=berth-controller -o StrictHostKeyChecking=yes \\
  -o UserKnownHostsFile="$known" -o GlobalKnownHostsFile=/dev/null -p "$3" "$2" true 2>&1 || exit 1`;

const SET_UP_KEY = `Give yourself a key on the cluster, whose home the nodes share; on the controller run:
ssh-keygen -t ed25519 -N '' -f ~/.ssh/id_ed25519
cat ~/.ssh/id_ed25519.pub >> ~/.ssh/authorized_keys
chmod 600 ~/.ssh/authorized_keys`;

const SET_NAME = "Say what the nodes call the controller: `controllerHost` in resources.yaml.";

/** Why ssh fails, by what it says. */
const remedyOf = (said: string): string =>
  /could not resolve|no route|timed out|refused|unreachable|verification failed/i.test(said)
    ? SET_NAME
    : SET_UP_KEY;

const isNeeded = ({ scheduler, definition }: Patient): boolean =>
  scheduler !== undefined && definition.tunnel.via === "controller";

async function loginArguments(patient: Patient): Promise<[key: string, host: string, port: string]> {
  const { connection, definition } = patient;
  const { stdout } = await runOn(patient, ["sh", "-c", FACTS]);
  const [host = "", port = ""] = stdout.toString("utf8").split("\n");
  const { type = "", base64 = "" } = connection.hostKey ?? {};
  return [`${type} ${base64}`, definition.controllerHost ?? host, /^\d+$/.test(port) ? port : "22"];
}

/** From the controller to itself: the same home, the same keys. What a node alone refuses is seen by a job only. */
async function fromController(patient: Patient): Promise<Finding[]> {
  const login = await loginArguments(patient);
  const result = await runOn(patient, [...BASH, LOGIN, "bash", ...login]);
  if (result.code === 0)
    return [ok("the controller lets you in from itself without asking, as it should from the nodes")];
  const said = saidBy(result);
  return [
    warning(
      `the controller does not let you in from itself, so hardly from a node: ${said}`,
      `${remedyOf(said)}\nTo look from a node: berth resource doctor ${patient.name} --with-job`,
    ),
  ];
}

async function fromNode(patient: Patient): Promise<Finding[]> {
  const end = await runJob(patient, LOGIN, await loginArguments(patient));
  switch (end.kind) {
    case "done":
      if (end.code === 0) return [ok(`${end.node} lets a job reach the controller by ssh`)];
      return [
        error(`a job on ${end.node} cannot reach the controller by ssh: ${end.output}`, remedyOf(end.output)),
      ];
    case "refused":
      return [
        error(
          `the scheduler refuses a job of one minute: ${end.message}`,
          "Say a partition or account that you may use: `defaults` in resources.yaml.",
        ),
      ];
    case "waited":
      return [
        warning(
          `a job of one minute brought no result: ${end.why}`,
          "Nothing of it is left. Try again when the cluster is less busy.",
        ),
      ];
    default:
      return end satisfies never;
  }
}

export const nodeSsh: ResourceCheck = {
  what: "logging in to the controller as a node does",
  examine: async (patient) => {
    if (!isNeeded(patient)) return [];
    return patient.withJob ? fromNode(patient) : fromController(patient);
  },
};

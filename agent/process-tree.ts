import { readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { SessionId } from "../contract/ids.ts";

/** The variable by which a process is known to belong to a session, wherever it went. */
export const SESSION_VARIABLE = "BERTH_SESSION_ID";

/** A process beyond doubt: pids are used again, a pid with its start (clock ticks since the boot) is not until then. */
export type ProcessId = { pid: number; startTime: number };

type Process = ProcessId & {
  zombie: boolean;
  parent: number;
  session: number;
  /** False of the kernel's own threads, and of what is about to be a zombie. */
  hasMemory: boolean;
  /** It has an environment, or is in the midst of execve(2) and has not got one yet; false also where it is another user's. */
  mayHaveEnvironment: boolean;
};

const hasCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && "code" in error && codes.includes(String(error.code));

/** Reads the text of /proc/<pid>/stat, proc_pid_stat(5). */
function parseStat(pid: number, stat: string): Process | undefined {
  if (stat === "") return undefined;
  // The second field is the program's name in parentheses, which may hold spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, parent, , session] = fields;
  const [memory, code, environment, environmentEnd] = [20, 23, 47, 48].map((at) => Number(fields[at]));
  return {
    pid,
    startTime: Number(fields[19]),
    zombie: state === "Z" || state === "X",
    parent: Number(parent),
    session: Number(session),
    hasMemory: memory !== 0,
    // Of another user's process no address is told: this one is 1 then, and the others 0.
    mayHaveEnvironment: code !== 1 && (environmentEnd === 0 || environmentEnd !== environment),
  };
}

function readProcess(pid: number): Process | undefined {
  try {
    return parseStat(pid, readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  }
}

/** The process that has this pid now, be it a zombie that nobody has waited for yet. */
export function identify(pid: number): ProcessId | undefined {
  const found = readProcess(pid);
  return found && { pid, startTime: found.startTime };
}

/** True while this very process lives; a zombie does not. */
export function isAlive({ pid, startTime }: ProcessId): boolean {
  const found = readProcess(pid);
  return found !== undefined && !found.zombie && found.startTime === startTime;
}

/** The session id in an environment as /proc/<pid>/environ tells it. */
function sessionIn(environment: string): string | undefined {
  const prefix = `${SESSION_VARIABLE}=`;
  return environment
    .split("\0")
    .find((entry) => entry.startsWith(prefix))
    ?.slice(prefix.length);
}

type Candidate = { found: Process; carries: string | undefined };

/** How many processes are looked at together: enough to keep the file threads busy, few enough for any `ulimit -n`. */
const BATCH = 16;

/** How often one is looked at whose environment is about to be there; a program on a file server that hangs never has it. */
const LOOKS = 20;

const processOf = async (pid: number): Promise<Process | undefined> =>
  parseStat(pid, await readFile(`/proc/${pid}/stat`, "latin1").catch(() => ""));

async function look(pid: number): Promise<Candidate | undefined> {
  for (let looks = 1; ; looks++) {
    const found = await processOf(pid);
    if (found === undefined || found.zombie) return undefined;
    if (!found.hasMemory) return { found, carries: undefined };
    const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
    // It is empty, too, while the process is given another program.
    const isToCome = environment === "" && (await processOf(pid))?.mayHaveEnvironment === true;
    if (!isToCome || looks === LOOKS) return { found, carries: sessionIn(environment) };
    await delay(1);
  }
}

/** Every process but this one, with the session id that it carries. Zombies are left out. */
async function takeSnapshot(): Promise<Candidate[]> {
  const pids = (await readdir("/proc"))
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid);
  const found: (Candidate | undefined)[] = [];
  for (let at = 0; at < pids.length; at += BATCH)
    found.push(...(await Promise.all(pids.slice(at, at + BATCH).map(look))));
  return found.filter((one) => one !== undefined);
}

let running: Promise<unknown> = Promise.resolve();
let next: Promise<Candidate[]> | undefined;

/** A snapshot that begins after the call. Those who ask while another is being taken share the one after it. */
function snapshot(): Promise<Candidate[]> {
  next ??= running
    .catch(() => undefined)
    .then(() => {
      next = undefined;
      const taken = takeSnapshot();
      running = taken;
      return taken;
    });
  return next;
}

/**
 * Every living process of a session. Belongs: what has the session's id in its environment, which survives `setsid`,
 * double forks and a new process group; what is in the leader's own session (setsid(2)), which survives a cleared
 * environment; and children of either. What carries the id of another session is that one's. A daemon that has left
 * the leader's session and overwritten its environment (setproctitle) is for the service's kill_template.sh to end.
 * @param leader the process of session.sh, where it is known
 */
export async function findTree(id: SessionId, leader?: ProcessId): Promise<ProcessId[]> {
  const living = await snapshot();
  const now = leader && living.find(({ found }) => found.pid === leader.pid)?.found;
  // Another process has the leader's pid by now: then the leader's session holds nobody any more.
  const ownSession = now === undefined || now.startTime === leader?.startTime ? leader?.pid : undefined;

  const members = new Map<number, ProcessId>();
  const candidates = new Set(living.filter(({ carries }) => carries === undefined || carries === id));
  const belongs = ({ found, carries }: Candidate): boolean =>
    carries === id || found.session === ownSession || members.has(found.parent);
  for (let before = -1; before !== members.size;) {
    before = members.size;
    for (const candidate of candidates) {
      if (!belongs(candidate)) continue;
      members.set(candidate.found.pid, { pid: candidate.found.pid, startTime: candidate.found.startTime });
      candidates.delete(candidate);
    }
  }
  return [...members.values()];
}

/** Sends a signal to each process that is still the one that was meant. */
export function signalAll(processes: readonly ProcessId[], signal: NodeJS.Signals): void {
  for (const member of processes.filter(isAlive)) {
    try {
      process.kill(member.pid, signal);
    } catch (error) {
      // EPERM: it has become another user's (a setuid program), which only that user can end.
      if (!hasCode(error, "ESRCH", "EPERM")) throw error;
    }
  }
}

/** Looks soon at first, since most processes obey within milliseconds; milliseconds. */
const FIRST_LOOK = 10;
const SLOWEST_LOOK = 200;

/**
 * Ends a session's processes: TERM, a time of grace, KILL, and looks again until none is found.
 * Processes born meanwhile are found too. Repeatable.
 * @param options.graceMs between TERM and KILL
 * @param options.killMs how long to go on killing; a process in uninterruptible sleep outlasts it
 * @returns what is left: none, as a rule
 */
export async function endTree(
  id: SessionId,
  leader: ProcessId | undefined,
  options: { graceMs: number; killMs?: number; signal?: AbortSignal },
): Promise<ProcessId[]> {
  const { graceMs, killMs = 5000, signal } = options;
  const begin = performance.now();
  const asked = new Set<string>();
  for (let pause = FIRST_LOOK; ; pause = Math.min(pause * 2, SLOWEST_LOOK)) {
    signal?.throwIfAborted();
    const left = await findTree(id, leader);
    const elapsed = performance.now() - begin;
    if (left.length === 0 || elapsed > graceMs + killMs) return left;
    if (elapsed >= graceMs) signalAll(left, "SIGKILL");
    else {
      const unasked = left.filter(({ pid, startTime }) => !asked.has(`${pid} ${startTime}`));
      for (const { pid, startTime } of unasked) asked.add(`${pid} ${startTime}`);
      signalAll(unasked, "SIGTERM");
      // A stopped process takes a TERM only once it goes on.
      signalAll(unasked, "SIGCONT");
    }
    await delay(pause, undefined, { signal });
  }
}

import type { SessionId } from "../../../contract/ids.ts";
import type { Shell } from "../../ssh/shell.ts";
import { CannotAsk } from "../../ssh/shell.ts";

const TIMEOUT_MS = 30_000;

/**
 * Prints the processes that submit a session's job: both programs carry its name as an argument. It is spelled so that
 * grep does not find itself, and read from standard input, since a shell's argument could be found too.
 */
const list = (session: SessionId): string => {
  const name = `[${session.slice(0, 1)}]${session.slice(1)}`;
  return `for file in $(grep -lszx -e '--job-name=${name}' -e '${name}' /proc/[0-9]*/cmdline); do
  grep -qszxE '(.*/)?(sbatch|qsub)' "$file" || continue
  pid=\${file#/proc/}
  echo "\${pid%/cmdline}"
done
`;
};

async function run(shell: Shell, script: string): Promise<string> {
  const { code, stdout, stderr } = await shell.run(["sh", "-s"], { input: script, timeoutMs: TIMEOUT_MS });
  if (code !== 0) throw new CannotAsk(`Cannot look for an earlier submit: ${stderr.trim()}`);
  return stdout.toString().trim();
}

/**
 * Whether a submit of a session's job still runs on the controller: it outlives the connection and the agent that it was
 * given by, and may succeed after it has been looked for in vain.
 * @throws CannotAsk
 */
export const isSubmitRunning = async (shell: Shell, session: SessionId): Promise<boolean> =>
  (await run(shell, `${list(session)}exit 0\n`)) !== "";

/** Ends them. Repeatable. @throws CannotAsk */
export async function endEarlierSubmits(shell: Shell, session: SessionId): Promise<void> {
  await run(shell, `pids=$(${list(session)})\n[ -z "$pids" ] || kill -KILL $pids 2>/dev/null\nexit 0\n`);
}

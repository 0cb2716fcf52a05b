import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { Command } from "commander";
import { BerthError } from "../../contract/problem.ts";
import { readConfig } from "../config.ts";
import { livePid } from "../pid-file.ts";
import { UNIT } from "../systemd.ts";

const POLL_MS = 50;
/** An agent that does not end within this time is killed: its sessions do without it. Milliseconds. */
const GRACE_MS = 15_000;

/** Whoever looks after the agent would start it again: then that is to be stopped. Undefined when nobody does. */
async function keeperOf(home: string, pid: number): Promise<string | undefined> {
  const groups = await readFile(`/proc/${pid}/cgroup`, "utf8").catch(() => "");
  if (groups.includes(`/${UNIT}`)) return `systemd: systemctl --user stop ${UNIT}`;
  const start = await livePid(home, "start");
  return start === undefined ? undefined : `npm start (process ${start}): press Ctrl-C there`;
}

/** It may have ended since it was looked for. */
function tell(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

export const downCommand = (): Command =>
  new Command("down")
    .description("stop the agent that berth up --detach has started; sessions go on")
    .action(async () => {
      const { home } = readConfig(process.env);
      const pid = await livePid(home, "agent");
      if (pid === undefined) {
        process.stdout.write("No agent runs.\n");
        return;
      }
      const keeper = await keeperOf(home, pid);
      if (keeper !== undefined)
        throw new BerthError("kept_running", `Cannot stop the agent: it is looked after by ${keeper}`);
      tell(pid, "SIGTERM");
      const deadline = performance.now() + GRACE_MS;
      while ((await livePid(home, "agent")) === pid) {
        if (performance.now() > deadline) tell(pid, "SIGKILL");
        await delay(POLL_MS);
      }
      process.stdout.write(`Stopped the agent (process ${pid}); sessions go on.\n`);
    });

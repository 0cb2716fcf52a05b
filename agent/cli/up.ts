import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { pino } from "pino";
import { Agent } from "../agent.ts";
import { agentEdge } from "../agent-edge.ts";
import { agentLogPath } from "../agent-log.ts";
import { BerthError } from "../../contract/problem.ts";
import { type Config, makeHome, readConfig } from "../config.ts";
import { startDetached, tellOnline } from "../detached.ts";
import { EXIT_REFUSED } from "../exit-code.ts";
import { checkFree, PidFile } from "../pid-file.ts";

export const upCommand = (): Command =>
  new Command("up")
    .description("run this workspace's agent: for the edge that was joined, else for this machine's own")
    .option("-d, --detach", "in the background; berth down stops it")
    .action(async ({ detach }: { detach?: true }) => {
      const config = readConfig(process.env);
      await makeHome(config.home);
      await (detach === true ? background(config) : foreground(config));
    });

async function foreground(config: Config): Promise<void> {
  const { edge, token } = await agentEdge(config);
  await using pid = await PidFile.claim(config.home, "agent");
  const log = pino({ name: "agent", base: { pid: pid.pid } });
  const stopped = Promise.withResolvers<string>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopped.resolve(signal));
  await using agent = await Agent.start({ ...config, edge }, token, log);
  void agent.online.then(tellOnline);
  const why = await Promise.race([stopped.promise, agent.refused]);
  if (why instanceof BerthError) throw why;
  log.info({ signal: why }, "stopping; the sessions go on");
}

async function background(config: Config): Promise<void> {
  const { edge } = await agentEdge(config);
  await checkFree(config.home, "agent");
  const log = agentLogPath(config.home);
  const before = (await readFile(log).catch(() => Buffer.alloc(0))).length;
  const started = await startDetached(config.home);
  if (started.state === "ended") {
    process.stderr.write((await readFile(log)).subarray(before));
    process.stderr.write(`berth: the agent has ended at once; its log is ${log}\n`);
    process.exitCode = started.code === EXIT_REFUSED ? EXIT_REFUSED : 1;
    return;
  }
  const how = started.state === "online" ? "is connected to" : "goes on trying to reach";
  process.stdout
    .write(`The agent runs in the background, as process ${started.pid}, and ${how} ${edge.origin}.
  log   ${log}
  stop  berth down
It ends when this machine restarts; berth service install brings it back then.
`);
}

import { Command } from "commander";
import { pino } from "pino";
import { Agent } from "../agent.ts";
import { BerthError } from "../../contract/problem.ts";
import { agentEdge } from "../agent-edge.ts";
import { makeHome, readConfig } from "../config.ts";
import { PidFile } from "../pid-file.ts";

export const upCommand = (): Command =>
  new Command("up")
    .description("run this workspace's agent in the foreground; npm start does so by itself")
    .action(async () => {
      const config = readConfig(process.env);
      await makeHome(config.home);
      const { edge, token } = await agentEdge(config);
      await using pid = await PidFile.claim(config.home, "agent");
      const log = pino({ name: "agent", base: { pid: pid.pid } });
      const stopped = Promise.withResolvers<string>();
      for (const signal of ["SIGINT", "SIGTERM"] as const)
        process.once(signal, () => stopped.resolve(signal));
      await using agent = await Agent.start({ ...config, edge }, token, log);
      const why = await Promise.race([
        stopped.promise,
        agent.refused.then((message) => new BerthError("agent_refused", message)),
      ]);
      if (why instanceof BerthError) throw why;
      log.info({ signal: why }, "stopping; the sessions go on");
    });

import { createRequire } from "node:module";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";

const require = createRequire(import.meta.url);

export type Machine = {
  at: string;
  cores: number;
  cpu: string;
  /** GiB. */
  memory: number;
  kernel: string;
  node: string;
  workerd: string;
  peer: string;
  /** The load average of the last minute before the run: how quiet the machine was. */
  load: number;
};

function version(name: string): string {
  const { version: text } = require(`${name}/package.json`) as { version: string };
  return text;
}

/** Says what the numbers were measured on. */
export function describeMachine(): Machine {
  return {
    at: new Date().toISOString(),
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? "unknown",
    memory: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    workerd: version("workerd"),
    peer: version("configurable-http-proxy"),
    load: loadavg()[0] ?? 0,
  };
}

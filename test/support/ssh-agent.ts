import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { eventually } from "./eventually.ts";
import { temporaryDirectory } from "./session-directory.ts";

/** A real ssh-agent on its own socket, whose path this is, with these keys. It ends with the test. */
export async function startSshAgent(keys: readonly string[]): Promise<string> {
  const socket = join(await temporaryDirectory("berth-agent-"), "socket");
  const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
  const exited = once(agent, "exit");
  onTestFinished(async () => {
    agent.kill();
    await exited;
  });
  await eventually(() => existsSync(socket), { what: "ssh-agent's socket" });
  for (const key of keys)
    execFileSync("ssh-add", ["-q", key], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: "ignore" });
  return socket;
}

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { temporaryDirectory } from "./session-directory.ts";

/** A real ssh-agent on its own socket, whose path this is, with these keys. It ends with the test. */
export async function startSshAgent(keys: readonly string[]): Promise<string> {
  const socket = join(await temporaryDirectory("berth-agent-"), "socket");
  const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: ["ignore", "pipe", "ignore"] });
  const exited = once(agent, "exit");
  onTestFinished(async () => {
    agent.kill();
    await exited;
  });
  // It prints the socket's name once it listens there.
  await once(agent.stdout, "data");
  for (const key of keys)
    execFileSync("ssh-add", ["-q", key], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: "ignore" });
  return socket;
}

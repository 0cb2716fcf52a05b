import { expect, it, onTestFinished } from "vitest";
import { SshConnection } from "../../../agent/ssh/connection.ts";
import { type Sshd, startSshd } from "../../support/sshd.ts";

async function connection(server: Sshd, lines: readonly string[] = []): Promise<SshConnection> {
  const log = { info: () => undefined, warn: (...args: unknown[]) => console.log(args) };
  const made = new SshConnection({
    destination: await server.clientConfig(lines),
    knownHosts: server.knownHosts,
    log,
    random: Math.random,
  });
  onTestFinished(() => made[Symbol.asyncDispose]());
  return made;
}

it("runs a command to its end", async () => {
  const server = await startSshd();
  const ssh = await connection(server);
  const result = await ssh
    .run(["sh", "-c", "cat; echo 'no' >&2; exit 3"], { input: "some words" })
    .catch(async (e) => {
      console.log(e, await server.log());
      throw e;
    });
  expect(result).toEqual({ code: 3, stdout: Buffer.from("some words"), stderr: "no\n" });
});

import { writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { type HostConfig, parseHop, parseHostConfig, readHostConfig } from "../../../agent/ssh/ssh-config.ts";
import { needs } from "../../support/requires.ts";
import { temporaryDirectory } from "../../support/session-directory.ts";

beforeEach(needs("ssh", "apt-get install openssh-client"));

/** What is read of a host from a configuration of these lines, by the real ssh. */
async function read(host: string, lines: readonly string[]): Promise<HostConfig> {
  const configFile = join(await temporaryDirectory(), "config");
  await writeFile(configFile, `${lines.join("\n")}\n`);
  return await readHostConfig({ host, configFile });
}

describe("a host's configuration", () => {
  it("is what ssh makes of it", async () => {
    const home = userInfo().homedir;
    const config = await read("bob@hpc", [
      "Host hpc",
      "HostName %h.example.org",
      "Port 2222",
      "IdentityFile ~/keys/%r@%h-%p%%",
      'IdentityFile "/a b/key"',
      "IdentityFile ${BERTH_NO_SUCH}/key",
      "IdentitiesOnly yes",
      "IdentityAgent ~/agent",
      "UserKnownHostsFile ~/known /more/known",
      "GlobalKnownHostsFile none",
      "ConnectTimeout 7",
      "Host *",
      "User alice",
      "Port 9",
    ]);
    expect(config).toEqual({
      alias: "bob@hpc",
      hostname: "hpc.example.org",
      port: 2222,
      user: "bob",
      way: { kind: "direct" },
      identityFiles: [`${home}/keys/bob@hpc.example.org-2222%`, "/a b/key", "${BERTH_NO_SUCH}/key"],
      identitiesOnly: true,
      agentSocket: `${home}/agent`,
      knownHostsName: "[hpc.example.org]:2222",
      knownHostsFiles: [`${home}/known`, "/more/known"],
      connectTimeoutMs: 7000,
    });
  });

  it.each([
    ["IdentityAgent none", undefined],
    ["IdentityAgent SSH_AUTH_SOCK", "/env/agent"],
    ["IdentityAgent $OTHER", "/env/other"],
    ["IdentityAgent ${OTHER}", "/env/other"],
    ["IdentityAgent /own/agent", "/own/agent"],
    ["", "/env/agent"],
  ])("with %s has the agent %s", (line, expected) => {
    const environment = { SSH_AUTH_SOCK: "/env/agent", OTHER: "/env/other" };
    expect(parseHostConfig("h", line, environment).agentSocket).toBe(expected);
  });

  it.each([
    [["ProxyJump a"], { kind: "jump", last: { host: "a" }, before: undefined }],
    [["ProxyJump a,u@b:22,ssh://c"], { kind: "jump", last: { host: "c" }, before: "a,u@b:22" }],
    [["ProxyJump none"], { kind: "direct" }],
    [["ProxyCommand nc %h %p # %r %n %%"], { kind: "command", command: "nc hpc 22 # me hpc %" }],
    [["ProxyCommand none"], { kind: "direct" }],
    [["ProxyJump a", "ProxyCommand b"], { kind: "jump", last: { host: "a" }, before: undefined }],
  ])("with %j goes this way: %j", async (lines, expected) => {
    expect((await read("hpc", ["Host hpc", "User me", ...lines])).way).toEqual(expected);
  });

  it.each([["-oProxyCommand=touch x"], [""], ["-F"], ["a b;c"]])("is not read for %j", async (host) => {
    await expect(read(host, [])).rejects.toMatchObject({ name: "CannotAsk", trouble: "config" });
  });

  it("gives a ProxyCommand no name that a shell reads otherwise", async () => {
    await expect(read("hpc", ["User $(touch x)", "ProxyCommand nc %h %p"])).rejects.toMatchObject({
      trouble: "config",
    });
  });

  it("that is broken is refused in ssh's own words", async () => {
    await expect(read("hpc", ["Nonsense yes"])).rejects.toThrow(/Cannot read .* "hpc": .*nonsense/s);
    await expect(read("hpc", ["ProxyJump hpc"])).rejects.toThrow("jumphost loop via hpc");
  });
});

describe("a jump host", () => {
  it.each([
    ["a", { host: "a" }],
    ["u@a", { host: "a", user: "u" }],
    ["u@x@a:22", { host: "a", user: "u@x", port: 22 }],
    ["ssh://u@a:2222", { host: "a", user: "u", port: 2222 }],
    ["[fe80::1]:22", { host: "fe80::1", port: 22 }],
    ["fe80::1", { host: "fe80::1" }],
  ])("%s is %j", (text, expected) => {
    expect(parseHop(text)).toEqual(expected);
  });

  it.each(["", "a:b", "u@"])("%j is none", (text) => {
    expect(() => parseHop(text)).toThrow(expect.objectContaining({ trouble: "config" }));
  });
});

import { execFileSync } from "node:child_process";
import { chmod, copyFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { SshError } from "../../../agent/ssh/trouble.ts";
import { needs } from "../../support/requires.ts";
import { startSshAgent } from "../../support/ssh-agent.ts";
import { connectionTo, makeKey, type Sshd, startSshd } from "../../support/sshd.ts";

// Real programs, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });
beforeEach(needs("sshd", "apt-get install openssh-server openssh-client"));

/** The entry names no key of its own any longer. */
async function withoutKey(server: Sshd): Promise<void> {
  await rm(server.identityFile);
  await rm(`${server.identityFile}.pub`);
}

/** Connects; "in", or the trouble and what it says. */
async function login(server: Sshd, lines: readonly string[] = []): Promise<string> {
  const ssh = await connectionTo(server, lines);
  try {
    await ssh.connect();
    return "in";
  } catch (error) {
    if (error instanceof SshError) return `${error.trouble}: ${error.message}`;
    throw error;
  }
}

describe("a key file", () => {
  it.each([
    ["ed25519", []],
    ["ecdsa", []],
    ["rsa", []],
    ["rsa", ["-m", "PEM"]],
    ["ecdsa", ["-m", "PEM"]],
  ] as const)("of type %s %j lets in", async (type, format) => {
    const server = await startSshd();
    const key = join(server.directory, "another");
    makeKey(key, type, "", [...format]);
    await server.authorize(`${key}.pub`);
    await withoutKey(server);
    expect(await login(server, [`IdentityFile ${key}`])).toBe("in");
  });

  it("that the host does not know is refused by name, with the user", async () => {
    const server = await startSshd();
    await withoutKey(server);
    makeKey(server.identityFile);
    expect(await login(server)).toMatch(/^permission_denied: "cluster" does not let the user ".+" in by any/);
  });

  it("is tried after another that was refused", async () => {
    const server = await startSshd();
    const wrong = join(server.directory, "wrong");
    makeKey(wrong);
    expect(await login(server, [`IdentityFile ${wrong}`])).toBe("in");
  });

  it.each([["new"], ["PEM"]])("with a passphrase needs an ssh-agent (%s)", async (format) => {
    const server = await startSshd();
    await withoutKey(server);
    const key = join(server.directory, "locked");
    makeKey(key, "rsa", "a passphrase", format === "PEM" ? ["-m", "PEM"] : []);
    await server.authorize(`${key}.pub`);
    const lines = [`IdentityFile ${key}`];
    expect(await login(server, lines)).toMatch(new RegExp(`^key_encrypted: .*Run: ssh-add ${key}$`));

    const open = join(server.directory, "open");
    await copyFile(key, open);
    await copyFile(`${key}.pub`, `${open}.pub`);
    await chmod(open, 0o600);
    execFileSync("ssh-keygen", ["-q", "-p", "-P", "a passphrase", "-N", "", "-f", open]);
    const agent = await startSshAgent([open]);
    expect(await login(server, [...lines, `IdentityAgent ${agent}`, "IdentitiesOnly yes"])).toBe("in");
  });

  it("that is not there, no key, or not to be read is passed over", async () => {
    const server = await startSshd();
    const bad = join(server.directory, "bad");
    await writeFile(bad, "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n");
    const lines = [`IdentityFile ${bad}`, `IdentityFile ${bad}.none`, `IdentityFile ${server.directory}`];
    expect(await login(server, lines)).toBe("in");
    await withoutKey(server);
    expect(await login(server, lines)).toMatch(/^no_key: .* there is no key to show it.*cannot be read/);
  });
});

describe("an ssh-agent", () => {
  it("lets in by its keys, many of other hosts' before", async () => {
    const server = await startSshd({ config: ["MaxAuthTries 4"] });
    const others = ["a", "b", "c", "d"].map((name) => join(server.directory, name));
    for (const each of others) makeKey(each);
    const agent = await startSshAgent([...others, server.identityFile]);
    await rm(server.identityFile);
    // The public half names the agent's key: it is shown first.
    expect(await login(server, [`IdentityAgent ${agent}`])).toBe("in");
    await rm(`${server.identityFile}.pub`);
    expect(await login(server, [`IdentityAgent ${agent}`])).toMatch(/^permission_denied: /);
  });

  it("shows no other key where only those of the entry are to be shown", async () => {
    const server = await startSshd();
    const agent = await startSshAgent([server.identityFile]);
    await withoutKey(server);
    const lines = [`IdentityAgent ${agent}`];
    expect(await login(server, lines)).toBe("in");
    expect(await login(server, [...lines, "IdentitiesOnly yes"])).toMatch(/^agent_empty: .*IdentitiesOnly/);
  });

  it("without a key, or one that does not answer, is named", async () => {
    const server = await startSshd();
    const agent = await startSshAgent([]);
    expect(await login(server, [`IdentityAgent ${agent}`])).toBe("in");
    await withoutKey(server);
    expect(await login(server, [`IdentityAgent ${agent}`])).toMatch(/^agent_empty: .*holds no key/);
    expect(await login(server, [`IdentityAgent ${agent}.gone`])).toMatch(/^agent_unreachable: .*\.gone/);
  });
});

describe("a host that wants more than a key", () => {
  it("is left alone", async () => {
    const server = await startSshd({
      config: ["AuthenticationMethods publickey,password", "PasswordAuthentication yes"],
    });
    expect(await login(server)).toMatch(/^permission_denied: .* It wants password/);
  });
});

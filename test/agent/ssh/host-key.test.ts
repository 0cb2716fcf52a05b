import { execFileSync } from "node:child_process";
import { appendFile, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { fingerprint } from "../../../agent/ssh/host-key.ts";
import { addKnownHost, KnownKeys } from "../../../agent/ssh/known-hosts.ts";
import { SshError } from "../../../agent/ssh/trouble.ts";
import { needs } from "../../support/requires.ts";
import { temporaryDirectory } from "../../support/session-directory.ts";
import { connectionTo, makeKey, type Sshd, startSshd } from "../../support/sshd.ts";

// Real programs, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });
beforeEach(needs("sshd", "apt-get install openssh-server openssh-client"));

/** The line of the host's key with another key in it. */
async function otherKey(server: Sshd, type: "ed25519" | "rsa" = "ed25519"): Promise<string> {
  const path = join(server.directory, `other_${type}`);
  makeKey(path, type);
  const [keyType, base64] = (await readFile(`${path}.pub`, "utf8")).split(" ");
  return `[127.0.0.1]:${server.port} ${keyType} ${base64?.trim()}\n`;
}

const keyOf = (line: string): { type: string; base64: string } => {
  const [, type = "", base64 = ""] = line.trim().split(" ");
  return { type, base64 };
};

/** The connection's trouble, none when it connects. */
async function troubleWith(server: Sshd, lines: readonly string[] = []): Promise<SshError | undefined> {
  const ssh = await connectionTo(server, lines);
  try {
    await ssh.connect();
    return undefined;
  } catch (error) {
    if (error instanceof SshError) return error;
    throw error;
  }
}

describe("a host", () => {
  it.each([[], ["StrictHostKeyChecking no"], ["StrictHostKeyChecking accept-new"]])(
    "that is not known is refused, whatever else ssh may do (%s)",
    async (...lines) => {
      const server = await startSshd();
      const line = await server.knownHostsLines();
      await writeFile(server.knownHosts, "");
      const error = await troubleWith(server, lines);
      const printed = execFileSync("ssh-keygen", ["-lf", join(server.directory, "host_ed25519.pub")], {
        encoding: "utf8",
      });
      expect(error).toMatchObject({
        trouble: "host_key_unknown",
        hostKey: {
          ...keyOf(line),
          name: `[127.0.0.1]:${server.port}`,
          fingerprint: printed.split(" ")[1],
          known: [],
        },
      });
      expect(await server.log()).not.toContain("Accepted");
    },
  );

  it("whose key is another is refused with both fingerprints, until the new one is accepted", async () => {
    const server = await startSshd();
    const [real, other] = [await server.knownHostsLines(), await otherKey(server)];
    await writeFile(server.knownHosts, other);
    const error = await troubleWith(server);
    expect(error).toMatchObject({ trouble: "host_key_changed" });
    expect(error?.message).toContain(fingerprint(keyOf(real)));
    expect(error?.message).toContain(fingerprint(keyOf(other)));
    if (error?.hostKey === undefined) throw error ?? new Error("it has connected");
    await addKnownHost(server.knownHosts, error.hostKey.name, error.hostKey);
    expect(await readFile(server.knownHosts, "utf8")).toBe(real);
    expect(await troubleWith(server)).toBeUndefined();
  });

  it.each([["rsa"], ["ecdsa"], ["ed25519"]] as const)(
    "of many keys shows the one that is known: %s",
    async (type) => {
      const server = await startSshd({ hostKeys: ["rsa", "ecdsa", "ed25519"] });
      const lines = (await server.knownHostsLines()).split("\n");
      const known = lines.find((line) => line.includes(type)) ?? "";
      await writeFile(server.knownHosts, `${known}\n`);
      expect(await troubleWith(server)).toBeUndefined();
    },
  );

  it("that no longer has the key that is known is refused, though its new one is of another type", async () => {
    const server = await startSshd();
    await writeFile(server.knownHosts, await otherKey(server, "rsa"));
    expect(await troubleWith(server)).toMatchObject({ trouble: "host_key_changed" });
  });

  it("is known by the user's own file, hashed names and patterns too", async () => {
    const server = await startSshd();
    const { type, base64 } = keyOf(await server.knownHostsLines());
    const own = join(server.directory, "user_known_hosts");
    await writeFile(server.knownHosts, "");
    await writeFile(own, await server.knownHostsLines());
    execFileSync("ssh-keygen", ["-H", "-f", own], { stdio: "ignore" });
    expect(await readFile(own, "utf8")).toMatch(/^\|1\|/);
    expect(await troubleWith(server)).toBeUndefined();
    await writeFile(own, `[127.0.0.*]:${server.port} ${type} ${base64} a comment\n`);
    expect(await troubleWith(server)).toBeUndefined();
    await writeFile(own, `!*,* ${type} ${base64}\n`);
    expect(await troubleWith(server)).toMatchObject({ trouble: "host_key_unknown" });
    await writeFile(own, `@cert-authority * ${type} ${base64}\n`);
    expect(await troubleWith(server)).toMatchObject({ trouble: "host_key_unknown" });
    await writeFile(own, `the-cluster ${type} ${base64}\n`);
    expect(await troubleWith(server, ["HostKeyAlias The-Cluster"])).toBeUndefined();
  });

  it("whose key is revoked is refused, known or not", async () => {
    const server = await startSshd();
    const { type, base64 } = keyOf(await server.knownHostsLines());
    await appendFile(server.knownHosts, `@revoked * ${type} ${base64}\n`);
    expect(await troubleWith(server)).toMatchObject({ trouble: "host_key_revoked" });
  });
});

describe("known_hosts", () => {
  const key = { type: "ssh-ed25519", base64: "AAAA" };
  const judge = (text: string, name: string): string => new KnownKeys([text], name).judge(key);

  it.each([
    ["a.b.c ssh-ed25519 AAAA", "a.b.c", "known"],
    ["a.b.c ssh-ed25519 AAAA", "axb.c", "unknown"],
    ["A.B.C,other ssh-ed25519 AAAA", "a.b.c", "known"],
    ["*.c,!a.b.c ssh-ed25519 AAAA", "a.b.c", "unknown"],
    ["a.b.? ssh-ed25519 AAAA", "a.b.c", "known"],
    ["a.b.c ssh-ed25519 AAAA", "[a.b.c]:2222", "unknown"],
    ["[a.b.c]:2222 ssh-ed25519 AAAA", "[a.b.c]:2222", "known"],
    ["a.b.c ssh-ed25519 BBBB", "a.b.c", "changed"],
    ["a.b.c ssh-rsa AAAA", "a.b.c", "changed"],
    ["# a.b.c ssh-ed25519 AAAA", "a.b.c", "unknown"],
    ["a.b.c ssh-ed25519", "a.b.c", "unknown"],
    ["|1|bad|worse ssh-ed25519 AAAA", "a.b.c", "unknown"],
    ["", "a.b.c", "unknown"],
  ])("%j says of %s: %s", (text, name, expected) => {
    expect(judge(text, name)).toBe(expected);
  });

  it("keeps everything else when a key is added, and is the user's alone", async () => {
    const file = join(await temporaryDirectory(), "deep", "known_hosts");
    await addKnownHost(file, "a", key);
    await appendFile(file, "# a comment\n@revoked * ssh-rsa XXXX\nb ssh-rsa CCCC\n");
    await addKnownHost(file, "a", { type: "ssh-rsa", base64: "BBBB" });
    expect(await readFile(file, "utf8")).toBe(
      "# a comment\n@revoked * ssh-rsa XXXX\nb ssh-rsa CCCC\na ssh-rsa BBBB\n",
    );
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });
});

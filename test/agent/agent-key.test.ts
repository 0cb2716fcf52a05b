import { execFileSync } from "node:child_process";
import { createPublicKey, verify } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { AgentKey } from "../../agent/agent-key.ts";

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "berth-key-"));
});

afterEach(async () => {
  await rm(home, { recursive: true, force: true });
});

it("is made once, for its owner alone", async () => {
  const key = await AgentKey.open(home);
  expect((await AgentKey.open(home)).fingerprint).toBe(key.fingerprint);
  expect((await stat(join(home, "agent-key"))).mode & 0o777).toBe(0o600);
});

it("has the fingerprint that ssh-keygen -l finds", async () => {
  const key = await AgentKey.open(home);
  const line = Buffer.concat([
    Buffer.from([0, 0, 0, 11]),
    Buffer.from("ssh-ed25519"),
    Buffer.from([0, 0, 0, 32]),
    Buffer.from(key.public, "base64url"),
  ]).toString("base64");
  const file = join(home, "key.pub");
  await writeFile(file, `ssh-ed25519 ${line}\n`);
  expect(execFileSync("ssh-keygen", ["-l", "-f", file], { encoding: "utf8" })).toContain(
    ` ${key.fingerprint} `,
  );
});

it("signs what its public half verifies", async () => {
  const key = await AgentKey.open(home);
  const jwk = { kty: "OKP", crv: "Ed25519", x: key.public };
  const signature = Buffer.from(key.sign("a text"), "base64url");
  expect(verify(null, Buffer.from("a text"), createPublicKey({ key: jwk, format: "jwk" }), signature)).toBe(
    true,
  );
});

it("is not replaced when its file holds something else", async () => {
  await writeFile(join(home, "agent-key"), "mine");
  await expect(AgentKey.open(home)).rejects.toThrow("it holds no ed25519 key");
  expect(await readFile(join(home, "agent-key"), "utf8")).toBe("mine");
});

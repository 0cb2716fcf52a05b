import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { utils } from "ssh2";
import { expect, it } from "vitest";
import { makeTunnelKeys } from "../../../agent/ssh/tunnel-keys.ts";
import { temporaryDirectory } from "../../support/session-directory.ts";
import { tunnelSession } from "../../support/tunnel-node.ts";

it("OpenSSH reads a tunnel's keys, and finds the public one in the private", async () => {
  const { session, keys } = tunnelSession();
  const directory = await temporaryDirectory();
  for (const [name, own, other] of [
    ["host", keys.hostPrivate, keys.hostPublic],
    ["client", keys.clientPrivate, keys.clientPublic],
  ] as const) {
    const file = join(directory, name);
    await writeFile(file, own, { mode: 0o600 });
    expect(execFileSync("ssh-keygen", ["-y", "-f", file], { encoding: "utf8" }).trim()).toBe(other);
  }
  expect(keys.clientPublic.endsWith(` ${session}`)).toBe(true);
});

// One in 256 begins with a zero, which is where writers of keys go wrong.
it("a thousand pairs sign and verify, each for itself", () => {
  const { session } = tunnelSession();
  const seen = new Set<string>();
  for (let count = 0; count < 500; count += 1) {
    const keys = makeTunnelKeys(session);
    for (const [own, other] of [
      [keys.hostPrivate, keys.hostPublic],
      [keys.clientPrivate, keys.clientPublic],
    ] as const) {
      const [secret, open] = [utils.parseKey(own), utils.parseKey(other)];
      if (secret instanceof Error || open instanceof Error) throw new Error("not a key");
      expect(open.verify("text", secret.sign("text"))).toBe(true);
      expect(open.verify("tex7", secret.sign("text"))).toBe(false);
      seen.add(other);
    }
  }
  expect(seen.size).toBe(1000);
});

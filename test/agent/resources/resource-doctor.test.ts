import type { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import type { Finding } from "../../../agent/finding.ts";
import type { Patient, ResourceCheck } from "../../../agent/resources/checks/check.ts";
import { tunnel } from "../../../agent/resources/checks/tunnel.ts";
import { CONTACT, diagnoseResource, NEEDS } from "../../../agent/resources/resource-doctor.ts";
import { ResourceDefinition } from "../../../agent/resources/resource-definition.ts";
import { CannotAsk } from "../../../agent/ssh/shell.ts";
import { SshError } from "../../../agent/ssh/trouble.ts";
import { LocalShell } from "../../support/local-shell.ts";
import { temporaryDirectory } from "../../support/session-directory.ts";

/** This machine as a cluster without a scheduler, on which nothing is wrong but what is changed. */
async function patient(
  changes: Partial<Patient>,
  connection: Partial<Patient["connection"]> = {},
): Promise<Patient> {
  const shell = new LocalShell({ home: await temporaryDirectory() });
  return {
    name: "hpc",
    definition: ResourceDefinition.parse({ host: "hpc", scheduler: "none" }),
    connection: {
      connect: async () => undefined,
      run: (argv, options) => shell.run(argv, options),
      forward: async (_onSocket: (socket: Duplex) => void) => {
        throw new SshError("forward_refused", "it forwards nothing");
      },
      hostKey: undefined,
      ...connection,
    },
    scheduler: undefined,
    acceptHostKey: async () => false,
    acceptCommand: (fingerprint) => `accept ${fingerprint}`,
    now: Date.now,
    withJob: false,
    signal: new AbortController().signal,
    ...changes,
  };
}

async function all(of: Patient, checks: readonly ResourceCheck[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for await (const step of diagnoseResource(of, checks))
    if (step.kind === "found") findings.push(step.finding);
  return findings;
}

const wrong = async (of: Patient, checks: readonly ResourceCheck[] = NEEDS): Promise<Finding[]> =>
  (await all(of, checks)).filter(({ level }) => level !== "ok");

describe("the resource doctor", () => {
  it.each([
    [-100_000, "the controller's clock is 100 s ahead of this workspace's"],
    [100_000, "the controller's clock is 100 s behind this workspace's"],
  ])("sees that the clocks differ by %i ms", async (skew, title) => {
    const found = await wrong(await patient({ now: () => Date.now() + skew }));
    expect(found.find(({ level }) => level === "warning")?.title).toMatch(
      // The slower the machine, the less exactly.
      new RegExp(`^${title.replace("100", "(?:9|10)\\d")}$`),
    );
  });

  it("does not take a slow answer for a wrong clock", async () => {
    let asked = 0;
    const found = await wrong(await patient({ now: () => Date.now() + 80_000 * asked++ }));
    expect(found.map(({ title }) => title)).not.toContainEqual(expect.stringContaining("clock"));
  });

  it.each([
    ["127.0.0.1", "ok", "the controller reaches this workspace at 127.0.0.1"],
    ["192.0.2.1.invalid", "warning", "the controller does not reach this workspace at 192.0.2.1.invalid: "],
  ])("tries a direct tunnel to %s", async (address, level, title) => {
    const definition = ResourceDefinition.parse({
      host: "hpc",
      scheduler: "none",
      tunnel: { via: "direct", address },
    });
    const found = await all(await patient({ definition }), [tunnel]);
    expect(found).toMatchObject([{ level, title: expect.stringContaining(title) }]);
  });

  it("goes on after a check that cannot be made, and names what it was about", async () => {
    const run = async (): Promise<never> => {
      throw new CannotAsk("the connection is lost");
    };
    const found = await wrong(await patient({}, { run }));
    expect(found.map(({ title }) => title)).toContain("looking for bash failed: the connection is lost");
    expect(found.length).toBeGreaterThan(3);
    expect(found.every(({ remedy }) => remedy !== null && remedy !== "")).toBe(true);
  });

  it("asks nothing further where it cannot connect, and puts the host into the remedy", async () => {
    const connect = async (): Promise<never> => {
      throw new SshError("unreachable", "Cannot reach it.");
    };
    expect(await wrong(await patient({}, { connect }), [...CONTACT, ...NEEDS])).toEqual([
      { level: "error", title: "Cannot reach it.", remedy: expect.stringContaining("`ssh hpc`") },
    ]);
  });

  it("asks once for a key, and says how to accept it on purpose", async () => {
    const hostKey = {
      type: "ssh-ed25519",
      base64: "AAAA",
      name: "hpc.example.org",
      fingerprint: "SHA256:new",
      known: ["SHA256:old"],
    };
    let asked = 0;
    const connect = async (): Promise<never> => {
      throw new SshError("host_key_changed", "Refused.", { hostKey });
    };
    const acceptHostKey = async (): Promise<boolean> => {
      asked += 1;
      return true;
    };
    const [found] = await wrong(await patient({ acceptHostKey }, { connect }), [...CONTACT, ...NEEDS]);
    expect(asked).toBe(1);
    expect(found?.remedy).toContain("accept SHA256:new");
  });
});

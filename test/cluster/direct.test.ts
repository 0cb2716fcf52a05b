import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Session } from "../../contract/session.ts";
import { ClusterBerth } from "../support/cluster-berth.ts";
import { needsCluster } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";

beforeEach(needsCluster());

describe("a tunnel straight to the workspace", { timeout: 180_000 }, () => {
  let all: ClusterBerth;
  let session: Session;
  let before: string;

  beforeAll(async () => {
    all = await ClusterBerth.start();
    const { cluster, berth } = all;
    const address = await cluster.openWorkspace();
    const entry = [
      "hopper:",
      `  host: ${cluster.alias()}`,
      `  sshConfig: ${cluster.sshConfig}`,
      "  scheduler: slurm",
      `  tunnel: { via: direct, address: ${address} }`,
      "",
    ];
    await writeFile(join(berth.home, "resources.yaml"), entry.join("\n"));
    // The agent follows the file: what is launched from here on goes by the new entry.
    session = await eventually(
      async () => {
        const one = await all.run();
        const ssh = (await cluster.processes({ user: "ada" })).filter(({ name }) => name === "ssh");
        if (ssh.length > 0 && ssh.every(({ argv }) => argv.includes(address))) return one;
        await berth.cancel(one.id);
        await berth.until(one.id, "canceled");
        return undefined;
      },
      { timeoutMs: 60_000, what: "a session by the new entry" },
    );
    before = await all.ask(session);
  });
  afterAll(() => all[Symbol.asyncDispose]());

  const works = (): Promise<unknown> =>
    eventually(async () => (await all.ask(session).catch(() => "")) === before, {
      timeoutMs: 60_000,
      what: "the page",
    });

  it("does not even notice the end of the connection to the controller", async () => {
    const socket = await all.socket(session);
    await all.killConnections();
    expect(await all.ask(session)).toBe(before);
    socket.send("still there");
    const [answer] = (await once(socket, "message")) as [Buffer];
    expect(answer.toString()).toBe("still there");
    socket.close();
  });

  it("survives a kill -9 of the agent, which listens elsewhere then", async () => {
    await all.berth.crash("agent");
    await works();
    expect(await all.berth.session(session.id)).toMatchObject({ state: "running", port: session.port });
  });

  it("leaves nothing after a cancel", async () => {
    await all.cancelWhole(session);
  });
});

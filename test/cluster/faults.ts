import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Session } from "../../contract/session.ts";
import { ClusterBerth } from "../support/cluster-berth.ts";
import { needsCluster } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";

/** A page works again within so long of the moment from which it can. */
const RECOVERY_MS = 60_000;
/** As long as a fault that is not over at once lasts. */
const OUTAGE_MS = 60_000;
/** By then it is told of, however busy the machine is. */
const TOLD_MS = 120_000;

/** Declares what a session on such a node survives, and that its cancel leaves nothing: a file for each, since they take minutes. */
export function itSurvives(placement: "controller" | "compute"): void {
  beforeEach(needsCluster());
  describe(`a session on a ${placement} node`, { timeout: 300_000 }, () => {
    declare(placement);
  });
}

function declare(placement: "controller" | "compute"): void {
  let all: ClusterBerth;
  let session: Session;
  let before: string;

  beforeAll(async () => {
    all = await ClusterBerth.start();
    session = await all.run({ placement });
    before = await all.ask(session);
  });
  afterAll(() => all[Symbol.asyncDispose]());

  /** The page of the same process at the same port, and a WebSocket. */
  async function works(): Promise<void> {
    await eventually(async () => (await all.ask(session).catch(() => "")) === before, {
      timeoutMs: RECOVERY_MS,
      what: "the page",
    });
    const socket = await all.socket(session);
    socket.close();
    const now = await all.berth.session(session.id);
    expect(now).toMatchObject({ state: "running", port: session.port, error: "" });
    expect((await all.berth.sessions()).filter(({ state }) => state === "running")).toHaveLength(1);
    if (placement === "compute") expect(await all.cluster.slurm.queue()).toHaveLength(1);
  }

  /** Does something to a session that somebody is in, and sees it work again. */
  async function survives(fault: () => Promise<unknown>): Promise<void> {
    const socket = await all.socket(session);
    await fault();
    await works();
    socket.terminate();
  }

  it("answers where its report says", async () => {
    expect(before).toMatch(placement === "controller" ? /^ctl \d+ \/$/ : /^c[12] \d+ \/$/);
    await works();
  });

  it("survives a kill -9 of the agent", () => survives(() => all.berth.crash("agent")));

  it("survives a kill -9 of the edge", () => survives(() => all.berth.crash("edge")));

  it("survives the end of the connection to the controller", () => survives(() => all.killConnections()));

  it("survives the end of the node's ssh", () => survives(() => all.killTunnels()));

  it("survives a network that drops every packet for a minute", () =>
    survives(async () => {
      await all.cluster.cutLink("ctl");
      const lasts = delay(OUTAGE_MS);
      await eventually(async () => (await all.berth.session(session.id)).trouble !== null, {
        timeoutMs: TOLD_MS,
        what: "word of the trouble",
      });
      await lasts;
      expect(await all.berth.session(session.id)).toMatchObject({ state: "running" });
      await all.cluster.restoreLink("ctl");
    }));

  const withScheduler = placement === "compute" ? it : undefined;
  withScheduler?.("survives a scheduler that is down for a minute", () =>
    survives(async () => {
      await all.cluster.stopController();
      const lasts = delay(OUTAGE_MS);
      await eventually(
        async () => (await all.berth.session(session.id)).trouble?.startsWith("Cannot ask the scheduler"),
        { timeoutMs: TOLD_MS, what: "word of the trouble" },
      );
      expect(await all.ask(session)).toBe(before);
      await lasts;
      await all.cluster.slurm.startController();
    }),
  );

  it("leaves nothing on any host after its cancel", async () => {
    const socket = await all.socket(session);
    const closed = once(socket, "close");
    await all.berth.cancel(session.id);
    expect(await all.berth.until(session.id, "canceled")).toMatchObject({ error: "" });
    await closed;
    await all.untilNothingIsLeft();
  });
}

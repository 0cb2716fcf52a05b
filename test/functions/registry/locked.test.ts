import { reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { OperatorWorkspace } from "../../../contract/operator.ts";
import { postFrom } from "../support/account.ts";
import { CONSOLE } from "../support/edge.ts";
import { agentOf } from "../support/enrolled.ts";
import { browserOf, person } from "../support/people.ts";
import { registered, snapshotOf, stopAlarms, tell } from "../support/registry.ts";

const ana = await person("ana");
const LOCKED = { since: 1_790_000_000_000, by: "Olga", reason: "a token of hers was found" };

beforeEach(stopAlarms);

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

/** Ana's workspace tells that its agent is connected. */
const report = (version: number, lockedOut: typeof LOCKED | null) =>
  registered("intake").sync(ana.id, {
    version,
    snapshot: {
      ...snapshotOf(ana),
      lockedOut,
      agent: { online: true, host: "hopper", user: "ana", version: "0.1.0", since: LOCKED.since - 60_000 },
    },
    audit: [],
    ended: [],
    waitedMs: 0,
  });

async function shown(): Promise<Pick<OperatorWorkspace, "online" | "since"> & { isLocked: boolean }> {
  const [known] = await registered("users").list({ limit: 1 });
  if (known === undefined) throw new Error("nobody is known");
  const { online, since } = known.workspace;
  return { online, since, isLocked: known.user.lockedOut !== null };
}

const LOCKED_AT = new Date(LOCKED.since).toISOString();

describe("the workspace of somebody who is locked out", () => {
  it("is not connected from that moment, whatever is told later of before", async () => {
    await report(LOCKED.since - 10_000, null);
    expect(await shown()).toMatchObject({ online: true, isLocked: false });
    await registered("users").locked(ana.id, LOCKED);
    expect(await shown()).toEqual({ online: false, since: LOCKED_AT, isLocked: true });
    expect(await registered("users").totals()).toMatchObject({ online: 0, agents: 1 });
    await report(LOCKED.since - 1, null);
    expect(await shown()).toMatchObject({ online: false, isLocked: true });
  });

  it("is not connected while its agent's link is being closed", async () => {
    await report(LOCKED.since + 1, LOCKED);
    expect(await shown()).toMatchObject({ online: false, isLocked: true });
  });

  it("is connected again when they were let in, and their agent has come back", async () => {
    await report(LOCKED.since - 10_000, null);
    await registered("users").locked(ana.id, LOCKED);
    await registered("users").locked(ana.id, null);
    expect(await shown()).toMatchObject({ online: false, isLocked: false });
    await report(LOCKED.since + 20_000, null);
    expect(await shown()).toMatchObject({ online: true, isLocked: false });
  });
});

it("the operator's page says at once that it is not reachable", async () => {
  const olga = await browserOf(await person("olga", { role: "operator" }));
  await browserOf(ana);
  await using _agent = await agentOf(ana);
  await tell(ana.id);
  const page = async (): Promise<string> => (await olga.go(`${CONSOLE}/operator`)).text();
  expect(await page()).not.toContain("not reachable");
  const done = await postFrom(olga, `/api/operator/users/${ana.id}/lock-out`, { reason: LOCKED.reason });
  expect(done.status).toBe(200);
  expect(await page()).toContain("not reachable");
});

import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PROTOCOL_VERSION } from "../../../contract/version.ts";
import { TestAgent } from "../support/agent.ts";
import type { Browser } from "../support/browser.ts";
import { ask, asApi, CONSOLE, problemOf, SESSIONS } from "../support/edge.ts";
import { decide, JoiningAgent, post } from "../support/joining-agent.ts";
import { browserOf, person } from "../support/people.ts";
import { stopAlarms } from "../support/registry.ts";

let ana: Browser;

beforeEach(async () => {
  ana = await browserOf(await person("ana"));
});

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

const registry = () => env.REGISTRY.getByName("registry");
const later = (ms: number): void => void vi.setSystemTime(Date.now() + ms);
const pageOf = async (browser: Browser, url: string): Promise<string> => (await browser.go(url)).text();

/** More than may be tried in two minutes: the limiter's minute may turn meanwhile. */
const MANY = 61;

/** Polls as often as the agent may, once. */
async function polled(agent: JoiningAgent): Promise<Awaited<ReturnType<JoiningAgent["poll"]>>> {
  later(2000);
  return agent.poll();
}

describe("an agent that asks to join", () => {
  it("is shown with its fingerprint, approved, and online in the workspace of who approved", async () => {
    const agent = await JoiningAgent.started();
    expect(await agent.poll()).toEqual({ status: "pending" });
    const page = await pageOf(ana, agent.codes.verificationUrlComplete);
    for (const fact of ["hopper", "ana", agent.fingerprint, "0.1.0"]) expect(page).toContain(fact);
    const answer = await decide(ana, agent.codes.userCode, "approve");
    expect(answer.headers.get("location")).toBe("/join?said=approved");
    const approved = await polled(agent);
    if (approved.status !== "approved") throw new Error(approved.status);
    expect(approved.name).toBe("Ana");
    const headers = { authorization: `Bearer ${approved.token}` };
    await using _link = await TestAgent.connect({}, { headers });
    expect(await (await ana.go(`${CONSOLE}/api/agent`)).json()).toMatchObject({ online: true });
  });

  it("is told of a denial, and of nothing more", async () => {
    const agent = await JoiningAgent.started();
    await decide(ana, agent.codes.userCode, "deny");
    expect(await polled(agent)).toEqual({ status: "denied", reason: "it was denied in the console" });
    expect(await polled(agent)).toEqual({ status: "expired" });
  });

  it("is expired after ten minutes, approved or not", async () => {
    const [late, lost] = [await JoiningAgent.started(), await JoiningAgent.started()];
    await decide(ana, lost.codes.userCode, "approve");
    later(600_000);
    expect(await late.poll()).toEqual({ status: "expired" });
    expect(await lost.poll()).toEqual({ status: "expired" });
    expect(await pageOf(ana, late.codes.verificationUrlComplete)).toContain("Nobody asks by this code");
  });

  it("gets its token once: a poll after that gets nothing", async () => {
    const agent = await JoiningAgent.started();
    await decide(ana, agent.codes.userCode, "approve");
    later(2000);
    const poll = await agent.signed();
    const [first, second] = await Promise.all([post("/enroll/poll", poll), post("/enroll/poll", poll)]);
    const told = [await first.json<object>(), await second.json<object>()];
    expect(told.filter((each) => "token" in each)).toHaveLength(1);
    expect(await (await post("/enroll/poll", poll)).json()).toEqual({ status: "expired" });
  });

  it("is asked to slow down when it polls too fast", async () => {
    const agent = await JoiningAgent.started();
    expect(await polled(agent)).toEqual({ status: "pending" });
    expect(await agent.poll()).toEqual({ status: "slow_down", interval: 7 });
    expect(await polled(agent)).toEqual({ status: "slow_down", interval: 12 });
    later(12_000);
    expect(await agent.poll()).toEqual({ status: "pending" });
  });

  it("is still there when the registry is evicted", async () => {
    const agent = await JoiningAgent.started();
    await evictDurableObject(registry());
    await decide(ana, agent.codes.userCode, "approve");
    await evictDurableObject(registry());
    expect(await polled(agent)).toMatchObject({ status: "approved" });
  });

  it("leaves nothing behind when nobody ever answers", async () => {
    stopAlarms();
    const agent = await JoiningAgent.started();
    await pageOf(ana, `${CONSOLE}/join?code=BBBB-BBBB`);
    expect(agent.codes.expiresIn).toBe(600);
    later(600_000);
    await runDurableObjectAlarm(registry());
    const rows = await runInDurableObject(registry(), (_object, { storage: { sql } }) => [
      sql.exec("SELECT * FROM enrolments").toArray().length,
      sql.exec("SELECT * FROM enrolment_guesses").toArray().length,
    ]);
    expect(rows).toEqual([0, 0]);
  });
});

describe("who learns the device code alone", () => {
  it("gets nothing: each poll is signed with the key that was shown", async () => {
    const [agent, thief] = [await JoiningAgent.started(), await JoiningAgent.started()];
    await decide(ana, agent.codes.userCode, "approve");
    const { deviceCode } = agent.codes;
    const stolen = await post("/enroll/poll", await thief.signed({ deviceCode, turn: 9 }));
    expect(await problemOf(stolen)).toMatchObject({ code: "invalid_request", field: "proof" });
    expect(await polled(agent)).toMatchObject({ status: "approved" });
  });

  it("gets nothing by an overheard poll either, nor by one made for another edge", async () => {
    const agent = await JoiningAgent.started();
    const overheard = await agent.signed();
    expect(await (await post("/enroll/poll", overheard)).json()).toEqual({ status: "pending" });
    await decide(ana, agent.codes.userCode, "approve");
    later(2000);
    expect(await problemOf(await post("/enroll/poll", overheard))).toMatchObject({ field: "turn" });
    const elsewhere = await post("/enroll/poll", await agent.signed({ host: "evil.example.org" }));
    expect(await problemOf(elsewhere)).toMatchObject({ field: "proof" });
  });

  it("makes up none that this edge has not signed", async () => {
    const agent = await JoiningAgent.started();
    const [, mac = ""] = agent.codes.deviceCode.split(".");
    for (const deviceCode of ["guessed", `${"Z".repeat(60)}.${mac}`]) {
      const answer = await post("/enroll/poll", await agent.signed({ deviceCode }));
      expect(await answer.json()).toEqual({ status: "expired" });
    }
  });

  it("polls no more often than anybody need", async () => {
    const agent = await JoiningAgent.started();
    const statuses: number[] = [];
    for (let count = 0; count < MANY; count += 1)
      statuses.push((await post("/enroll/poll", await agent.signed())).status);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    expect((await post("/enroll/poll", await (await JoiningAgent.started()).signed())).status).toBe(200);
  });

  it("finds only a hash of it in the storage", async () => {
    const agent = await JoiningAgent.started();
    const kept = await runInDurableObject(registry(), (_object, { storage: { sql } }) =>
      JSON.stringify(sql.exec("SELECT * FROM enrolments").toArray()),
    );
    expect(kept).toContain(agent.codes.userCode);
    expect(kept).not.toContain(agent.codes.deviceCode);
  });
});

describe("the code that a person types", () => {
  it("may be typed as people type", async () => {
    const agent = await JoiningAgent.started();
    const typed = agent.codes.userCode.toLowerCase().replace("-", " ");
    expect(await pageOf(ana, `${CONSOLE}/join?code=${encodeURIComponent(typed)}`)).toContain(
      agent.fingerprint,
    );
  });

  it("cannot be guessed: after ten wrong ones even the right one is refused, for that user alone", async () => {
    const agent = await JoiningAgent.started();
    for (let guess = 0; guess < 10; guess++) {
      const wrong = await ana.go(`${CONSOLE}/join?code=BBBB-BB${"BCDFGHJKLM"[guess]}B`);
      expect(wrong.status).toBe(404);
    }
    const refused = await ana.go(agent.codes.verificationUrlComplete);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "600"]);
    expect((await decide(ana, agent.codes.userCode, "approve")).status).toBe(429);
    const ben = await browserOf(await person("ben"));
    expect(await pageOf(ben, agent.codes.verificationUrlComplete)).toContain(agent.fingerprint);
    later(600_000);
    const next = await JoiningAgent.started();
    expect(await pageOf(ana, next.codes.verificationUrlComplete)).toContain(next.fingerprint);
  });

  it("is decided once", async () => {
    const agent = await JoiningAgent.started();
    const ben = await browserOf(await person("ben"));
    await decide(ana, agent.codes.userCode, "approve");
    const second = await decide(ben, agent.codes.userCode, "approve");
    expect(await second.text()).toContain("This code was used already");
    expect(await pageOf(ben, agent.codes.verificationUrlComplete)).toContain("This code was used already");
    expect(await polled(agent)).toMatchObject({ status: "approved", name: "Ana" });
  });

  it("is for a browser that is logged in, on a page of the console's own", async () => {
    const agent = await JoiningAgent.started();
    const url = agent.codes.verificationUrlComplete;
    expect((await ask(url)).status).toBe(401);
    expect((await ask(url, { headers: asApi })).status).toBe(403);
    const { userCode } = agent.codes;
    expect((await decide(ana, userCode, "approve", { origin: "https://evil.example.org" })).status).toBe(403);
    expect(await polled(agent)).toEqual({ status: "pending" });
  });
});

describe("what strangers may send", () => {
  it.each([
    ["a name that hides what it is", { host: "hop\u202Erep" }],
    ["a name of two lines", { host: "hopper\nlogin" }],
    ["no name", { user: "" }],
    ["a key that is none", { key: "AAAA" }],
    ["a field that nobody knows", { admin: true }],
  ])("not %s", async (_what, changes) => {
    const agent = await JoiningAgent.make();
    expect(await problemOf(await agent.start(changes))).toMatchObject({
      status: 400,
      code: "invalid_request",
    });
  });

  it("not more than an enrolment is long", async () => {
    const agent = await JoiningAgent.make();
    expect(await problemOf(await agent.start({ host: "x".repeat(20_000) }))).toMatchObject({ status: 413 });
  });

  it("not for ever from one address", async () => {
    const agent = await JoiningAgent.make();
    const from = { "cf-connecting-ip": "192.0.2.7" };
    let refused: Response | undefined;
    for (let attempt = 0; attempt < MANY && refused === undefined; attempt++) {
      const answer = await agent.start({}, from);
      if (answer.status === 429) refused = answer;
    }
    expect(refused?.headers.get("retry-after")).toBe("60");
    expect((await agent.start({}, { "cf-connecting-ip": "192.0.2.8" })).status).toBe(201);
  });

  it("not for ever from one network of IPv6, in which each machine has addresses without number", async () => {
    const agent = await JoiningAgent.make();
    const statuses: number[] = [];
    for (let host = 1; host <= MANY; host++) {
      const from = { "cf-connecting-ip": `2001:db8:77:1::${host.toString(16)}` };
      statuses.push((await agent.start({}, from)).status);
    }
    expect(statuses).toContain(429);
    expect((await agent.start({}, { "cf-connecting-ip": "2001:db8:77:2::1" })).status).toBe(201);
  });

  it("not on the applications' host", async () => {
    const body = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
    expect((await ask(`${SESSIONS}/enroll/start`, body)).status).toBe(404);
  });

  it("not by another protocol: both sides are told what to upgrade", async () => {
    const agent = await JoiningAgent.make();
    const older = await problemOf(await agent.start({ protocol: PROTOCOL_VERSION - 1 }));
    expect(older).toMatchObject({ code: "protocol_mismatch", status: 426 });
    expect(older.detail).toContain("upgrade the agent");
    const newer = await problemOf(await agent.start({ protocol: PROTOCOL_VERSION + 1 }));
    expect(newer.detail).toContain("upgrade the edge");
  });
});

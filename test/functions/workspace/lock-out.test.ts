import { createExecutionContext, evictDurableObject, reset, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Session } from "../../../contract/session.ts";
import { app } from "../../../functions/app.ts";
import type { Caller } from "../../../functions/workspace/api.ts";
import { partOf } from "../../../functions/workspace/parts.ts";
import { TestAgent } from "../support/agent.ts";
import { CONSOLE, problemOf } from "../support/edge.ts";
import { askLink, askStream, auditedIn, workspaceOf } from "../support/enrolled.ts";
import { EventReader } from "../support/event-reader.ts";
import { Household } from "../support/household.ts";
import { browserOf, person } from "../support/people.ts";
import { stopAlarms } from "../support/registry.ts";
import { guestUrl, visit } from "../support/sharing.ts";
import { signedRequest, spell } from "../support/webhooks.ts";

const REASON = "A token of hers was in a public repository";
const olga = await person("olga", { role: "operator" });
const caller: Caller = { user: olga.id, name: "Olga", from: null, via: "console" };

let ana: Household;

beforeEach(async () => {
  stopAlarms();
  ana = await Household.of("ana", 51_458);
});

afterEach(async () => {
  vi.useRealTimers();
  await ana[Symbol.asyncDispose]();
  await reset();
});

const lockOutOf = ({ somebody }: Household) => partOf(env, somebody.id, "lockOut");
const lock = (who: Household, cancels = false) =>
  lockOutOf(who).begin({ reason: REASON, cancels }, { caller, host: "sessions.localhost:8787" });
const logIn = () =>
  partOf(env, ana.somebody.id, "access").login(ana.somebody, { agent: "", from: null, idToken: null });

async function refusalOf(answer: Promise<Response>): Promise<unknown> {
  const { status, code } = await problemOf(await answer);
  return [status, code];
}

/** Reads a stream until it breaks off. */
async function lastOf(stream: EventReader): Promise<never> {
  for (;;) await stream.next();
}

describe("a lock-out", () => {
  it("ends every login and token, with what is open for them, and nobody else's", async () => {
    const [hers, bens] = [await ana.browser(), await browserOf(await person("ben"))];
    const events = async (headers: Record<string, string>) =>
      new EventReader(await hers.go(`${CONSOLE}/api/events`, { headers }));
    const streams = [await events({}), await events(ana.program.headers)];
    for (const stream of streams) await stream.next();
    expect(await lock(ana)).toMatchObject({
      lockedOut: { by: "Olga", reason: REASON },
      logins: 2,
      tokens: 1,
      canceled: 0,
    });
    for (const stream of streams) await expect(lastOf(stream)).rejects.toThrow(/gone|ended/);
    const me = `${CONSOLE}/api/me`;
    expect((await hers.go(me)).status).toBe(401);
    expect(await refusalOf(ana.ask("GET", "/api/me"))).toEqual([403, "locked_out"]);
    expect((await bens.go(me)).status).toBe(200);
  });

  it("closes the agent's link, and refuses it while it lasts, without revoking it", async () => {
    await lock(ana);
    expect((await ana.agent.next("evict")).head.visitor).toMatch(/^login:/);
    expect(await ana.agent.closed).toMatchObject({ code: 1008, reason: "locked_out" });
    expect(await refusalOf(askLink(ana.enrolment))).toEqual([403, "locked_out"]);
    expect(await refusalOf(askStream(ana.enrolment))).toEqual([403, "locked_out"]);
    expect(await partOf(env, ana.somebody.id, "agents").list()).toHaveLength(1);
  });

  it("closes a link that has not said hello yet", async () => {
    await using another = await TestAgent.dial(ana.enrolment);
    await lock(ana);
    expect(await another.closed).toMatchObject({ code: 1008 });
  });

  it("leaves their sessions alone, or cancels them: the agent hears it before its link is closed", async () => {
    await lock(ana);
    const [kept] = await workspaceOf(ana.somebody).sessions("");
    expect(kept).toMatchObject({ state: "running", canceling: false, reachable: false });
    await using ben = await Household.of("ben", 51_459);
    expect(await lock(ben, true)).toMatchObject({ canceled: 1 });
    expect((await ben.agent.next("want")).head.wanted).toMatchObject({
      spec: { id: ben.session.id },
      want: "cancel",
    });
    expect((await ben.agent.closed).code).toBe(1008);
    const [canceled] = await workspaceOf(ben.somebody).sessions("");
    expect(canceled).toMatchObject({ canceling: true, canceledBy: { name: "Olga", reason: REASON } });
  });

  it("refuses a new login, which is told who did it and why; that they tried is noted", async () => {
    await lock(ana);
    const refused = await logIn();
    expect(refused).toMatchObject({
      ok: false,
      problem: { status: 403, code: "locked_out", detail: `Olga has locked this account: ${REASON}` },
    });
    expect(await auditedIn(ana.somebody)).toEqual(expect.arrayContaining(["user.lock-out", "login.refused"]));
    expect((await auditedIn(ana.somebody)).at(-1)).toBe("login.refused");
  });

  it("refuses an agent whose enrolment they approved before", async () => {
    await lock(ana);
    const enrolled = await partOf(env, ana.somebody.id, "agents").enroll(
      ana.somebody.id,
      { host: "new", user: "ana", version: "0.1.0", fingerprint: "SHA256:x", from: null },
      { replaces: ana.enrolment.id, caller },
    );
    expect(enrolled).toMatchObject({ ok: false, problem: { code: "locked_out" } });
  });

  it("makes no token by a request that was admitted right before", async () => {
    await lock(ana);
    const made = await partOf(env, ana.somebody.id, "account").createToken(
      ana.somebody.id,
      { name: "late", scopes: ["read"] },
      { may: ["read"], caller },
    );
    expect(made).toMatchObject({ ok: false, problem: { code: "locked_out" } });
  });

  it("ends what they share: their guests are out", async () => {
    const ben = await person("ben");
    await ana.share(ben);
    const guest = await browserOf(ben);
    const { head } = await visit(guest, ana.agent, guestUrl(ana.session.id));
    await lock(ana);
    const evicted = [1, 2, 3].map(async () => (await ana.agent.next("evict")).head.visitor);
    expect(await Promise.all(evicted)).toContain(head.visitor);
    expect((await guest.follow(guestUrl(ana.session.id))).response.status).toBe(404);
    await lockOutOf(ana).end(caller);
    expect((await guest.follow(guestUrl(ana.session.id))).response.status).toBe(404);
  });

  it("ends their visits to what others share, as their logins end", async () => {
    await using ben = await Household.of("ben", 51_459);
    await ben.share(ana.somebody);
    const hers = await ana.browser();
    const { head } = await visit(hers, ben.agent, guestUrl(ben.session.id));
    await lock(ana);
    expect(await runDurableObjectAlarm(workspaceOf(ana.somebody))).toBe(true);
    expect((await ben.agent.next("evict")).head.visitor).toBe(head.visitor);
    expect((await hers.follow(guestUrl(ben.session.id))).response.status).toBe(401);
    expect(await ben.agent.untaken()).toEqual([]);
  });

  it("lasts through an eviction of the object", async () => {
    await lock(ana);
    await evictDurableObject(workspaceOf(ana.somebody));
    expect(await refusalOf(ana.ask("GET", "/api/me"))).toEqual([403, "locked_out"]);
    expect(await refusalOf(askLink(ana.enrolment))).toEqual([403, "locked_out"]);
    expect(await logIn()).toMatchObject({ ok: false });
  });

  it("keeps its beginning when another operator gives another reason", async () => {
    const { lockedOut } = await lock(ana);
    const again = await lockOutOf(ana).begin(
      { reason: "She asked for it", cancels: false },
      { caller: { ...caller, name: "Otto" }, host: "" },
    );
    expect(again.lockedOut).toEqual({ since: lockedOut.since, by: "Otto", reason: "She asked for it" });
  });
});

describe("the platform's call for somebody who is locked out", () => {
  const OIDC = {
    BERTH_LOGIN: "oidc",
    BERTH_OIDC_ISSUER: "https://id.example.org",
    BERTH_OIDC_CLIENT_ID: "berth",
  };
  const tell = async (type: string, data: object, id: string): Promise<Response> =>
    app.fetch(
      signedRequest(spell(type, { user: "ana", ...data }), { id }),
      { ...env, ...OIDC },
      createExecutionContext(),
    );

  it("launches nothing, and the same message does when they are let in again", async () => {
    const launch = () => tell("session.launch", { service: "anas-service" }, "msg_locked");
    await lock(ana);
    expect(await refusalOf(launch())).toEqual([403, "locked_out"]);
    await lockOutOf(ana).end(caller);
    expect((await launch()).status).toBe(201);
  });

  it("cancels and asks as before", async () => {
    await lock(ana);
    const { id } = ana.session;
    expect((await tell("session.cancel", { id }, "msg_cancel")).status).toBe(202);
    const asked = await tell("session.status", { id }, "msg_status");
    expect(Session.parse(await asked.json())).toMatchObject({ id, canceling: true });
  });
});

describe("somebody who was let in again", () => {
  it("logs in, and their agent comes back with the token that it has; what was ended stays so", async () => {
    const before = await ana.browser();
    await lock(ana);
    await ana.agent.closed;
    expect(await lockOutOf(ana).end(caller)).toBe(true);
    await using _agent = await TestAgent.connect({}, ana.enrolment);
    const browser = await ana.browser();
    expect(await (await browser.go(`${CONSOLE}/api/agent`)).json()).toMatchObject({ online: true });
    expect((await before.go(`${CONSOLE}/api/me`)).status).toBe(401);
    expect((await ana.ask("GET", "/api/me")).status).toBe(401);
    expect(await auditedIn(ana.somebody)).toContain("user.let-in");
  });

  it("was locked out: else nothing happens", async () => {
    expect(await lockOutOf(ana).end(caller)).toBe(false);
    expect(await auditedIn(ana.somebody)).not.toContain("user.let-in");
  });
});

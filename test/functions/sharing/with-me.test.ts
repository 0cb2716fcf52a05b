import { evictDurableObject, reset, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LOCAL_USER } from "../../../contract/person.ts";
import type { Session } from "../../../contract/session.ts";
import { SharedWithMe } from "../../../contract/share.ts";
import { ShareOwners } from "../../../functions/registry/share-owners.ts";
import { partOf } from "../../../functions/workspace/parts.ts";
import { Shares } from "../../../functions/workspace/shares.ts";
import { Visits } from "../../../functions/workspace/visits.ts";
import { TestAgent } from "../support/agent.ts";
import type { Browser } from "../support/browser.ts";
import { api, CONSOLE, workspace } from "../support/edge.ts";
import { browserOf, person } from "../support/people.ts";
import { stopAlarms } from "../support/registry.ts";
import { running } from "../support/running.ts";
import { report } from "../support/samples.ts";
import { guestUrl, share, visit } from "../support/sharing.ts";

const HOUR = 3_600_000;
const ben = await person("ben", { groups: ["tides"] });
const cy = await person("cy", { groups: ["waves"] });
const withBen = { kind: "user", email: "Ben@example.org" } as const;
const withTides = { kind: "group", name: "tides" } as const;
const soon = (ms: number): string => new Date(Date.now() + ms).toISOString();

let agent: TestAgent;
let session: Session;

beforeEach(async () => {
  stopAlarms();
  agent = await TestAgent.connect();
  session = await running(agent, { slug: "tree?x=1" });
  // Whose it is, the name under which they have logged in says.
  await browserOf({ ...(await person("ana")), id: LOCAL_USER });
});

afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await agent[Symbol.asyncDispose]();
  await reset();
});

const headers = { accept: "application/json" };
const withMe = async (browser: Browser): Promise<SharedWithMe> =>
  SharedWithMe.parse(await (await browser.go(`${CONSOLE}/api/shared`, { headers })).json());
const fragmentOf = async (browser: Browser): Promise<string> =>
  (await browser.go(`${CONSOLE}/fragments/shared`)).text();
const none = { sessions: [], complete: true };

describe("what is shared with somebody", () => {
  it("is in their list before they have ever come, and leads in", async () => {
    const { endsAt, createdAt } = await share(session.id, { with: withBen, mode: "use" });
    const browser = await browserOf(ben);
    const { sessions, complete } = await withMe(browser);
    expect(complete).toBe(true);
    expect(sessions).toEqual([
      {
        session: session.id,
        name: session.name,
        service: "notebook",
        state: "running",
        reachable: true,
        owner: "Ana",
        mode: "use",
        sharedAt: createdAt,
        endsAt,
        url: guestUrl(session.id, "/tree?x=1"),
      },
    ]);
    expect((await visit(browser, agent, sessions[0]?.url ?? "")).response.status).toBe(200);
  });

  it("stands on their console, with what they may do, and is nobody else's", async () => {
    await share(session.id, { with: withTides });
    const browser = await browserOf(ben);
    expect(await (await browser.go(CONSOLE)).text()).toContain('hx-get="/fragments/shared"');
    const list = await fragmentOf(browser);
    for (const text of [
      "Shared with you",
      "of Ana",
      "you may look",
      `href="${guestUrl(session.id, "/tree?x=1")}"`,
    ])
      expect(list).toContain(text);
    expect(await (await browser.go(`${CONSOLE}/shared`)).text()).toContain("of Ana");
    const other = await browserOf(cy);
    expect(await withMe(other)).toEqual(none);
    expect(await fragmentOf(other)).not.toContain("of Ana");
    expect(await (await other.go(`${CONSOLE}/shared`)).text()).toContain("Nothing is shared with you");
  });

  it("is listed once, as what allows most", async () => {
    const shortly = soon(HOUR);
    await share(session.id, { with: withTides, mode: "view" });
    await share(session.id, { with: withBen, mode: "use", endsAt: shortly });
    await share(session.id, { with: { kind: "user", subject: "ben" }, mode: "view" });
    const { sessions } = await withMe(await browserOf(ben));
    expect(sessions.map(({ mode, endsAt }) => [mode, endsAt])).toEqual([["use", shortly]]);
  });

  it("is gone with its end: the owner's, the session's, its time", async () => {
    const browser = await browserOf(ben);
    const listed = async () => (await withMe(browser)).sessions.length;
    const { id } = await share(session.id, { with: withBen });
    expect(await listed()).toBe(1);
    await api("DELETE", `/api/sessions/${session.id}/shares/${id}`);
    expect(await listed()).toBe(0);
    await share(session.id, { with: withBen, endsAt: soon(HOUR) });
    expect(await listed()).toBe(1);
    vi.setSystemTime(Date.now() + HOUR + 1000);
    expect(await listed()).toBe(0);
    await share(session.id, { with: withBen });
    expect(await listed()).toBe(1);
    await agent.report(report(session.id, { state: "completed", status: "Completed" }));
    expect(await listed()).toBe(0);
  });

  it("is not what they share themselves with a group of theirs", async () => {
    await share(session.id, { with: { kind: "group", name: "own" } });
    const owner = await browserOf({ ...(await person("ana", { groups: ["own"] })), id: LOCAL_USER });
    expect(await withMe(owner)).toEqual(none);
  });

  it("may be more than is known while its owner, or the registry, cannot be asked", async () => {
    await share(session.id, { with: withBen });
    const browser = await browserOf(ben);
    vi.spyOn(console, "error").mockReturnValue();
    vi.spyOn(Shares.prototype, "offers").mockRejectedValueOnce(new Error("away"));
    expect(await withMe(browser)).toEqual({ sessions: [], complete: false });
    vi.spyOn(ShareOwners.prototype, "ownersFor").mockRejectedValue(new Error("away"));
    expect(await withMe(browser)).toEqual({ sessions: [], complete: false });
    expect(await fragmentOf(browser)).toContain("There may be more");
    expect(await (await browser.go(`${CONSOLE}/shared`)).text()).not.toContain("Nothing is shared");
  });
});

describe("a guest's login", () => {
  const seenOf = async (): Promise<number> => {
    const [login] = await partOf(env, ben.id, "access").logins();
    return login?.seen ?? 0;
  };
  const ring = (): Promise<boolean> => runDurableObjectAlarm(workspace());

  it("is kept alive by their use, which their workspace is told now and then", async () => {
    await share(session.id, { with: withBen, mode: "use", endsAt: soon(20 * 24 * HOUR) });
    const browser = await browserOf(ben);
    await visit(browser, agent, guestUrl(session.id));
    const keep = vi.spyOn(Visits.prototype, "keep");
    vi.setSystemTime(Date.now() + 2 * HOUR);
    const used = Date.now();
    for (let asked = 0; asked < 3; asked += 1) await visit(browser, agent, guestUrl(session.id));
    expect(await ring()).toBe(true);
    expect(keep).toHaveBeenCalledTimes(1);
    expect(await seenOf()).toBe(used);
    // Nothing was used since.
    vi.setSystemTime(Date.now() + HOUR);
    await ring();
    expect(keep).toHaveBeenCalledTimes(1);
  });

  it("is kept alive by their WebSockets, also through an eviction, and by nobody else's", async () => {
    await share(session.id, { with: withBen, mode: "use", endsAt: soon(20 * 24 * HOUR) });
    const { head } = await visit(await browserOf(ben), agent, guestUrl(session.id));
    const before = await seenOf();
    vi.setSystemTime(Date.now() + HOUR);
    const { share: id = "", login = "" } =
      /^share:(?<share>\w+):(?<login>.+)$/.exec(head.visitor)?.groups ?? {};
    agent.send({
      type: "active",
      visitors: [`share:${id}:another`, `share:h000000000000:${login}`, `login:${login}`],
    });
    await agent.untaken();
    await ring();
    expect(await seenOf()).toBe(before);
    agent.send({ type: "active", visitors: [head.visitor] });
    await agent.untaken();
    vi.setSystemTime(Date.now() + HOUR);
    agent.send({ type: "active", visitors: [head.visitor] });
    await agent.untaken();
    const used = Date.now();
    await evictDurableObject(workspace());
    expect(await ring()).toBe(true);
    expect(await seenOf()).toBe(used);
  });

  it("that is over stays over, whatever a session's owner tells", async () => {
    const browser = await browserOf(ben);
    const [login] = await partOf(env, ben.id, "access").logins();
    vi.setSystemTime(Date.now() + 31 * 24 * HOUR);
    await partOf(env, ben.id, "visits").keep(login?.id ?? "", Date.now() + HOUR);
    expect((await browser.go(`${CONSOLE}/api/me`, { headers })).status).toBe(401);
  });
});

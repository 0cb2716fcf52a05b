import { reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Session } from "../../../contract/session.ts";
import { Share } from "../../../contract/share.ts";
import { ShareOwners } from "../../../functions/registry/share-owners.ts";
import { ShareTable } from "../../../functions/workspace/share-table.ts";
import { TestAgent } from "../support/agent.ts";
import { Browser } from "../support/browser.ts";
import { api, CONSOLE, problemOf, workspace } from "../support/edge.ts";
import { browserOf, person } from "../support/people.ts";
import { running } from "../support/running.ts";
import { report } from "../support/samples.ts";
import { guestUrl, share } from "../support/sharing.ts";

const DAY = 86_400_000;

let agent: TestAgent;
let session: Session;

beforeEach(async () => {
  agent = await TestAgent.connect();
  session = await running(agent, { slug: "tree?x=1" });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await agent[Symbol.asyncDispose]();
  await reset();
});

const post = (json: unknown, id: string = session.id) => api("POST", `/api/sessions/${id}/shares`, { json });
const listed = async () =>
  Share.array().parse(await (await api("GET", `/api/sessions/${session.id}/shares`)).json());
const withBen = { kind: "user", email: "ben@example.org" } as const;

describe("a share", () => {
  it("is for a day and for looking, unless told otherwise", async () => {
    const before = Date.now();
    const made = await share(session.id, { with: withBen });
    expect(made).toMatchObject({ session: session.id, with: withBen, mode: "view", guests: [] });
    expect(made.url).toBe(guestUrl(session.id, "/tree?x=1"));
    expect(Date.parse(made.endsAt) - before).toBeGreaterThanOrEqual(DAY);
    expect(Date.parse(made.endsAt) - Date.now()).toBeLessThanOrEqual(DAY);
    expect(await listed()).toEqual([made]);
  });

  it("is one of several, each ended by itself", async () => {
    const [one, two] = [
      await share(session.id, { with: withBen, mode: "use" }),
      await share(session.id, { with: { kind: "group", name: " tides " } }),
    ];
    expect(two.with).toEqual({ kind: "group", name: "tides" });
    expect((await api("DELETE", `/api/sessions/${session.id}/shares/${one.id}`)).status).toBe(204);
    expect(await listed()).toEqual([two]);
    const other = await running(agent, { port: 51_459 });
    expect((await api("DELETE", `/api/sessions/${other.id}/shares/${two.id}`)).status).toBe(404);
    expect(await listed()).toEqual([two]);
  });

  it.each([
    [{}, "with"],
    [{ with: { kind: "user" } }, "with"],
    [{ with: { kind: "user", email: "a@b", subject: "c" } }, "with"],
    [{ with: { kind: "group", name: "" } }, "with"],
    [{ with: { kind: "group", name: "a\nb" } }, "with"],
    [{ with: { kind: "everybody" } }, "with"],
    [{ with: withBen, mode: "own" }, "mode"],
    [{ with: withBen, endsAt: "tomorrow" }, "endsAt"],
    [{ with: withBen, endsAt: new Date(Date.now() + 31 * DAY).toISOString() }, "endsAt"],
    [{ with: withBen, endsAt: new Date(Date.now() - 1).toISOString() }, "endsAt"],
    [{ with: withBen, forever: true }, "forever"],
  ])("is not made of %j", async (json, field) => {
    const problem = await problemOf(await post(json));
    expect([problem.status, problem.code, problem.field?.split(".")[0]]).toEqual([
      400,
      "invalid_request",
      field,
    ]);
    expect(await listed()).toEqual([]);
  });

  it("is of a session that has not ended", async () => {
    expect((await post({ with: withBen }, "s0000000000x0")).status).toBe(404);
    await agent.report(report(session.id, { state: "completed", status: "Completed" }));
    expect(await problemOf(await post({ with: withBen }))).toMatchObject({ code: "invalid_request" });
    expect(await listed()).toEqual([]);
  });

  it("is of none that was canceled while the share was being made", async () => {
    // oxlint-disable-next-line typescript/unbound-method -- called with the object that it was taken from
    const { claim } = ShareOwners.prototype;
    const spy = vi.spyOn(ShareOwners.prototype, "claim").mockImplementationOnce(async function (
      this: ShareOwners,
      ...args
    ) {
      await api("POST", `/api/sessions/${session.id}/cancel`);
      return claim.apply(this, args);
    });
    const problem = await problemOf(await post({ with: withBen }));
    expect([spy.mock.calls.length, problem.status, problem.code]).toEqual([1, 400, "invalid_request"]);
    const kept = await runInDurableObject(workspace(), (_instance, { storage }) =>
      new ShareTable(storage.sql).shares(),
    );
    expect(kept).toEqual([]);
  });

  it("is its owner's alone to make, see and end", async () => {
    const { id } = await share(session.id, { with: withBen });
    const ben = await browserOf(await person("ben"));
    const as = (method: string, path: string, body?: string) =>
      ben.go(CONSOLE + path, {
        method,
        headers: { origin: CONSOLE, accept: "application/json", "content-type": "application/json" },
        ...(body === undefined ? {} : { body }),
      });
    const shares = `/api/sessions/${session.id}/shares`;
    expect((await as("GET", shares)).status).toBe(404);
    expect((await as("POST", shares, JSON.stringify({ with: withBen }))).status).toBe(404);
    expect((await as("DELETE", `${shares}/${id}`)).status).toBe(404);
    expect((await ben.go(`${CONSOLE}/sessions/${session.id}/share`)).status).toBe(404);
    expect(await listed()).toHaveLength(1);
  });

  it.each([
    ["off", "each", "the operator of this edge does not offer sharing"],
    [undefined, "one", "a host of its own for each session"],
  ])("is refused where sharing is %s and sessions have %s host", async (sharing, hosts, why) => {
    const bindings = env as { BERTH_SHARING?: string | undefined; BERTH_SESSION_HOSTS?: string };
    Object.assign(bindings, { BERTH_SHARING: sharing, BERTH_SESSION_HOSTS: hosts });
    try {
      await reset();
      await agent[Symbol.asyncDispose]();
      agent = await TestAgent.connect();
      session = await running(agent);
      const problem = await problemOf(await post({ with: withBen }));
      expect(problem).toMatchObject({ status: 403, code: "forbidden" });
      expect(problem.detail).toContain(why);
      const browser = await Browser.loggedIn();
      const page = await (await browser.go(`${CONSOLE}/sessions/${session.id}/share`)).text();
      expect([page.includes(why), page.includes("<select")]).toEqual([true, false]);
    } finally {
      Object.assign(bindings, { BERTH_SHARING: undefined, BERTH_SESSION_HOSTS: "each" });
    }
  });
});

describe("the page of a session's shares", () => {
  const send = (browser: Browser, path: string, fields: Record<string, string> = {}) =>
    browser.go(`${CONSOLE}/sessions/${session.id}/share${path}`, {
      method: "POST",
      body: new URLSearchParams(fields).toString(),
      headers: { origin: CONSOLE, "content-type": "application/x-www-form-urlencoded" },
    });

  it("shares by its form, shows the link, and ends", async () => {
    const browser = await Browser.loggedIn();
    const fields = { kind: "user", who: "ben@example.org", mode: "use", hours: "8" };
    const answer = await send(browser, "", fields);
    expect([answer.status, answer.headers.get("location")]).toEqual([303, `/sessions/${session.id}/share`]);
    const [made] = await listed();
    expect(made).toMatchObject({ with: withBen, mode: "use" });
    const page = await (await browser.go(`${CONSOLE}/sessions/${session.id}/share`)).text();
    for (const text of [made?.url, "ben@example.org", "may use it as you do", "End it"])
      expect(page).toContain(text);
    expect((await send(browser, `/${made?.id}/end`)).status).toBe(303);
    expect(await listed()).toEqual([]);
    expect((await send(browser, `/${made?.id}/end`)).status).toBe(404);
  });

  it.each([
    [
      { kind: "group", who: "tides", mode: "view", hours: "1" },
      { kind: "group", name: "tides" },
    ],
    [
      { kind: "user", who: "00u-ben", mode: "view", hours: "1" },
      { kind: "user", subject: "00u-ben" },
    ],
  ])("takes %j", async (fields, whom) => {
    await send(await Browser.loggedIn(), "", fields);
    expect((await listed()).map((each) => each.with)).toEqual([whom]);
  });

  it("keeps what was typed when it cannot be", async () => {
    const fields = { kind: "group", who: "<tides>", mode: "use", hours: "721" };
    const answer = await send(await Browser.loggedIn(), "", fields);
    const html = await answer.text();
    expect([answer.status, html.includes("&lt;tides&gt;"), html.includes("30 days")]).toEqual([
      400,
      true,
      true,
    ]);
    for (const hours of ["x", "1e99", "-1", ""])
      expect((await send(await Browser.loggedIn(), "", { ...fields, hours })).status).toBe(400);
    expect(await listed()).toEqual([]);
  });
});

import { reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Notification, Session } from "../../../contract/session.ts";
import { registryPart } from "../../../functions/registry/parts.ts";
import { TestAgent } from "../support/agent.ts";
import { Browser } from "../support/browser.ts";
import { api, ask, CONSOLE, problemOf, workspace } from "../support/edge.ts";
import { browserOf, person } from "../support/people.ts";
import { running } from "../support/running.ts";
import { guestUrl, originOfSession, share, visit } from "../support/sharing.ts";

let agent: TestAgent;
let session: Session;
const ben = await person("ben", { groups: ["tides", "waves"] });
const withBen = { kind: "user", email: "ben@example.org" } as const;

beforeEach(async () => {
  agent = await TestAgent.connect();
  session = await running(agent);
});

afterEach(async () => {
  vi.useRealTimers();
  await agent[Symbol.asyncDispose]();
  await reset();
});

/** What somebody is told who follows a guest's link: as a program sees it. */
async function refusal(browser: Browser, url: string): Promise<[number, string, string]> {
  const { response, at } = await browser.follow(url);
  expect(new URL(at).pathname).toMatch(/^\/share\//);
  const { status, code, detail } = await problemOf(
    await browser.go(at, { headers: { accept: "application/json" } }),
  );
  expect(response.status).toBe(status);
  return [status, code, detail];
}

describe("a guest", () => {
  it("comes to the shared session by its link, through a login of their own", async () => {
    const { url } = await share(session.id, { with: withBen, mode: "use" });
    expect(url).toBe(guestUrl(session.id));
    const browser = await browserOf(ben);
    const { head, response, at, way } = await visit(browser, agent, `${url}lab/tree%20x?reset&path=%2Fa`);
    expect([response.status, at]).toEqual([200, `${url}lab/tree%20x?reset&path=%2Fa`]);
    expect(way.map((each) => new URL(each).origin + new URL(each).pathname)).toEqual([
      guestUrl(session.id, "/lab/tree%20x"),
      `${CONSOLE}/share/${session.id}`,
      `${originOfSession(session.id)}/enter-share`,
    ]);
    expect(head).toMatchObject({ path: "/lab/tree%20x?reset&path=%2Fa", target: { session: session.id } });
    // From now on without a detour.
    expect((await visit(browser, agent, url)).way).toEqual([]);
  });

  it.each([
    ["email, however it is written", { kind: "user", email: "Ben@Example.ORG" }],
    ["subject", { kind: "user", subject: "ben" }],
    ["group", { kind: "group", name: "waves" }],
  ] as const)("is known by their %s", async (_by, whom) => {
    await share(session.id, { with: whom });
    expect((await visit(await browserOf(ben), agent, guestUrl(session.id))).response.status).toBe(200);
  });

  it("is not told to the application, nor is the cookie", async () => {
    await share(session.id, { with: withBen });
    const browser = await browserOf(ben);
    const { head } = await visit(browser, agent, guestUrl(session.id));
    expect(JSON.stringify(head.headers)).not.toMatch(/ben|berth/i);
    expect(head.headers).toContainEqual(["x-forwarded-prefix", `/s/${session.id}`]);
    expect(browser.cookies(new URL(originOfSession(session.id)).host)).toContain("berth_share=");
  });

  it("gets a cookie for this host, hidden from scripts, until the share or their login ends", async () => {
    vi.setSystemTime(Date.now());
    const endsAt = new Date(Date.now() + 3_600_000).toISOString();
    await share(session.id, { with: withBen, endsAt });
    const browser = await browserOf(ben);
    const { way } = await visit(browser, agent, guestUrl(session.id));
    const at = new URL(way[1] ?? "");
    const code = (await browser.go(at.href)).headers.get("location") ?? "";
    const cookies = (await browser.go(code)).headers.getSetCookie();
    expect(cookies).toEqual([
      expect.stringMatching(/^berth_share=[\w-]+\.[\w-]{43}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Lax$/),
    ]);
  });

  it("who comes first is told to the owner, and every entry to the audit log", async () => {
    await share(session.id, { with: withBen });
    await visit(await browserOf(ben), agent, guestUrl(session.id));
    await visit(await browserOf(ben), agent, guestUrl(session.id));
    const told = await (await api("GET", "/api/notifications")).json<Notification[]>();
    expect(told.filter(({ text }) => text.startsWith("Ben opened"))).toHaveLength(1);
    const [listed] = await (
      await api("GET", `/api/sessions/${session.id}/shares`)
    ).json<{ guests: string[] }[]>();
    expect(listed?.guests).toEqual(["Ben"]);
    const entries = await runInDurableObject(workspace(), (_instance, { storage }) =>
      storage.sql
        .exec<{ action: string; by: string; session: string; detail: string }>(
          "SELECT action, by, session, detail FROM audit WHERE action LIKE '%share%' ORDER BY seq",
        )
        .toArray(),
    );
    expect(entries.map(({ action }) => action)).toEqual(["session.share", "share.enter", "share.enter"]);
    expect(entries[0]?.detail).toMatch(/^view, ben@example\.org, until 20/);
    expect(JSON.parse(entries[1]?.by ?? "")).toMatchObject({ user: ben.id, name: "Ben", via: "console" });
  });
});

describe("nobody else", () => {
  it("is told whether there is such a session", async () => {
    await share(session.id, { with: withBen });
    await share(session.id, { with: { kind: "group", name: "tides" } });
    const cy = await browserOf(await person("cy", { groups: ["tide", "Tides"] }));
    const unknown = guestUrl("s0000000000x0");
    const other = (await running(agent, { port: 51_459 })).id;
    const told = [
      await refusal(cy, guestUrl(session.id)),
      await refusal(cy, guestUrl(other)),
      await refusal(cy, unknown),
    ];
    expect(new Set(told.map((each) => JSON.stringify(each))).size).toBe(1);
    expect(told[0]?.[0]).toBe(404);
    const nobody = (url: string) => ask(url, { headers: { accept: "application/json" } });
    const [one, another] = [await nobody(guestUrl(session.id)), await nobody(unknown)];
    expect([one.status, await one.text()]).toEqual([401, await another.text()]);
    expect(await agent.untaken()).toEqual([]);
  });

  it("gets in by the code of a guest's browser, nor that browser twice, nor late", async () => {
    await share(session.id, { with: withBen });
    const browser = await browserOf(ben);
    const step = async (url: string) => (await browser.go(url)).headers.get("location") ?? "";
    const code = async () => step(await step(guestUrl(session.id)));
    const [first, second, third, late] = [await code(), await code(), await code(), await code()];
    const stranger = new Browser();
    await stranger.go(guestUrl(session.id));
    const json = { headers: { accept: "application/json" } };
    expect(await problemOf(await stranger.go(first, json))).toMatchObject({ code: "unauthorized" });
    const other = (await running(agent, { port: 51_459 })).id;
    await browser.go(guestUrl(other));
    expect((await browser.go(second.replace(session.id, other), json)).status).toBe(401);
    expect((await browser.go(third, json)).status).toBe(302);
    expect((await browser.go(third, json)).status).toBe(401);
    vi.setSystemTime(Date.now() + 60_000);
    expect((await browser.go(late, json)).status).toBe(401);
  });

  it("is led anywhere but to the session", async () => {
    await share(session.id, { with: withBen });
    const browser = await browserOf(ben);
    const asked = new URL((await browser.go(guestUrl(session.id))).headers.get("location") ?? "");
    asked.searchParams.set("to", "//evil.example/");
    const code = (await browser.go(asked.href)).headers.get("location") ?? "";
    expect((await browser.go(code)).headers.get("location")).toBe("/");
  });
});

describe("the owner", () => {
  it("who follows the guests' link comes to the session as its owner", async () => {
    await share(session.id, { with: withBen });
    const { response, at } = await visit(await Browser.loggedIn(), agent, guestUrl(session.id));
    expect([response.status, at]).toEqual([200, originOfSession(session.id) + session.url]);
  });

  it("of a session that somebody else shared first cannot share it, and is no guest of theirs", async () => {
    const until = Date.now() + 86_400_000;
    expect(
      await registryPart(env, "shareOwners").claim(session.id as never, ben.id, { until, key: "subject:cy" }),
    ).toBe(true);
    const response = await api("POST", `/api/sessions/${session.id}/shares`, { json: { with: withBen } });
    expect(await problemOf(response)).toMatchObject({ status: 403, code: "forbidden" });
    const { at } = await visit(await Browser.loggedIn(), agent, guestUrl(session.id));
    expect(at).toBe(originOfSession(session.id) + session.url);
  });
});

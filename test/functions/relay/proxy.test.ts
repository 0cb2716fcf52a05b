import { env } from "cloudflare:workers";
import { createExecutionContext, reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import worker from "../../../functions/index.ts";
import { TestAgent } from "../support/agent.ts";
import { api, asApi, ask, launch, problemOf, SESSIONS, workspace } from "../support/edge.ts";
import { running } from "../support/running.ts";
import { report } from "../support/samples.ts";
import { bytes } from "../support/streams.ts";

let agent: TestAgent;

beforeEach(async () => {
  agent = await TestAgent.connect();
});

afterEach(async () => {
  await agent[Symbol.asyncDispose]();
  await reset();
});

const asPage = { ...asApi, accept: "text/html,application/xhtml+xml" };

/** Answers the next relayed request, and returns what the agent was asked for. */
async function serve(): Promise<{ path: string; session: string; headers: [string, string][] }> {
  const { head } = await agent.next("request");
  agent.send({ type: "response", id: head.id, status: 200, headers: [], length: 2, end: true }, bytes("ok"));
  return { path: head.path, session: head.target.session, headers: head.headers };
}

/** The Worker with a request whose target is not normal: the runtime hands it over as it was sent, `Request` would not. */
async function askRaw(target: string): Promise<Response> {
  const request = new Request(SESSIONS + target, { headers: asApi });
  Object.defineProperty(request, "url", { value: SESSIONS + target });
  return worker.fetch(request, env, createExecutionContext());
}

describe("a port", () => {
  it.each([
    "/me/51459/",
    "/me/1023/",
    "/me/0/",
    "/me/065536/",
    "/me/65536/",
    "/me/051458/",
    "/me/51458x/",
    "/me/",
    "/me",
  ])("at %s belongs to no session", async (path) => {
    await running(agent);
    const response = await api("GET", path);
    expect(await problemOf(response)).toMatchObject({ status: 404, code: "no_live_session" });
    const page = await ask(SESSIONS + path, { headers: asPage });
    expect([page.status, page.headers.get("content-type")]).toEqual([404, "text/html; charset=utf-8"]);
    expect(page.headers.get("cache-control")).toBe("no-store");
    expect(await agent.untaken()).toEqual([]);
  });

  it("of an HTTP session is none under /sme, and the other way round", async () => {
    await running(agent);
    await running(agent, { port: 51_460, scheme: "sme" });
    expect((await api("GET", "/sme/51458/")).status).toBe(404);
    expect((await api("GET", "/me/51460/")).status).toBe(404);
    const answer = api("GET", "/sme/51460/");
    const { head } = await agent.next("request");
    expect(head.target).toMatchObject({ kind: "port", port: 51_460, tls: true });
    agent.send({ type: "response", id: head.id, status: 204, headers: [], length: null, end: true });
    await answer;
  });

  it("that is used again is the live session's, whichever began first", async () => {
    const first = await running(agent);
    await agent.report(report(first.id, { state: "completed", status: "Completed", endedAt: 1 }));
    const second = await running(agent);
    let answer = api("GET", "/me/51458/");
    expect((await serve()).session).toBe(second.id);
    await answer;
    const third = await running(agent);
    await agent.report(report(third.id, { state: "failed", status: "Failed", error: "died", endedAt: 2 }));
    answer = api("GET", "/me/51458/");
    expect((await serve()).session).toBe(second.id);
    await answer;
  });

  it("moves with its session", async () => {
    const { id } = await running(agent);
    await agent.report(report(id, { port: 51_999 }));
    expect((await api("GET", "/me/51458/")).status).toBe(404);
    const answer = api("GET", "/me/51999/");
    expect((await serve()).session).toBe(id);
    await answer;
  });
});

describe("a session that", () => {
  it.each([
    ["submitted", "Installing conda &lt;environment&gt;"],
    // Its place in the queue says more than what its service.json does.
    ["queued", "It waits in the cluster&#39;s queue."],
    ["starting", "Installing conda &lt;environment&gt;"],
  ] as const)("is %s shows its status and moves on by itself", async (state, shown) => {
    const { id } = await running(agent, { state, status: "Installing conda <environment>" });
    const page = await ask(`${SESSIONS}/me/51458/lab`, { headers: asPage });
    expect(page.status).toBe(503);
    expect(page.headers.get("cache-control")).toBe("no-store");
    const html = await page.text();
    expect(html).toContain(shown);
    expect(html).toContain("/wait/51458");
    const problem = await problemOf(await api("GET", "/me/51458/lab"));
    expect(problem).toMatchObject({ status: 503, code: "session_not_ready" });
    expect(problem.detail).toContain(id);
    expect(await agent.untaken()).toEqual([]);
  });

  it("failed shows its error", async () => {
    const { id } = await running(agent);
    await agent.report(
      report(id, { state: "failed", status: "Failed", error: "jupyter: not <found>", endedAt: 1 }),
    );
    const page = await ask(`${SESSIONS}/me/51458/`, { headers: asPage });
    expect(page.status).toBe(404);
    expect(await page.text()).toContain("jupyter: not &lt;found&gt;");
    const problem = await problemOf(await api("GET", "/me/51458/"));
    expect(problem).toMatchObject({ status: 404, code: "no_live_session" });
    expect(problem.detail).toContain("jupyter: not <found>");
  });

  it.each(["completed", "canceled"] as const)("is %s shows that it has ended", async (state) => {
    const { id } = await running(agent);
    await agent.report(report(id, { state, status: state, endedAt: 1 }));
    const page = await ask(`${SESSIONS}/me/51458/`, { headers: asPage });
    expect(page.status).toBe(404);
    expect(await page.text()).toContain("Launch again");
    expect(await agent.untaken()).toEqual([]);
  });

  it("does not answer shows a page that tries again", async () => {
    await running(agent);
    const answer = ask(`${SESSIONS}/me/51458/`, { headers: asPage });
    const { head } = await agent.next("request");
    agent.send({ type: "fail", id: head.id, code: "refused", message: "does not listen on port 51458" });
    const page = await answer;
    expect(page.status).toBe(502);
    expect(await page.text()).toContain("does not listen on port 51458");
  });

  it("no agent has taken up yet has no address", async () => {
    expect(await launch({ service: "notebook" })).toMatchObject({ url: null, port: null });
  });
});

describe("the target", () => {
  it("without its slash leads to the one with it, which relative links need", async () => {
    await running(agent);
    const response = await api("GET", "/me/51458");
    expect([response.status, response.headers.get("location")]).toEqual([307, "/me/51458/"]);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await agent.untaken()).toEqual([]);
  });

  // A service worker whose script were there would rule every session of this host (Service Workers, "Update", step 8).
  it.each([
    ["/me/51458?a=1", "/me/51458/?a=1"],
    ["/me/51458?", "/me/51458/?"],
    ["/me/51458?/../x", "/me/51458/?/../x"],
    ["/me/51458?//evil.example", "/me/51458/?//evil.example"],
  ])("%s leads to %s: in the folder of every session nothing is served", async (target, location) => {
    await running(agent);
    const response = await ask(SESSIONS + target, { headers: asApi });
    expect([response.status, response.headers.get("location")]).toEqual([307, location]);
    expect(await agent.untaken()).toEqual([]);
  });

  it.each([
    ["/me/51458/?a=1", "/?a=1"],
    ["/me/51458/?", "/?"],
    ["/me/51458/lab/tree?path=%2Fa&b=%40#top", "/lab/tree?path=%2Fa&b=%40"],
    ["/me/51458/a%2Fb/%2e%2e/c", "/a%2Fb/%2e%2e/c"],
    ["/me/51458//evil.example/", "//evil.example/"],
    ["/me/51458/../../api/sessions", "/../../api/sessions"],
    ["/me/51458/%", "/%"],
    ["/me/51458/a\\..\\b", "/a\\..\\b"],
    ["/me/51458/;x=1/%00", "/;x=1/%00"],
    ["/me/51458/http://evil.example/", "/http://evil.example/"],
  ])("%s reaches the service as %s, byte for byte", async (target, path) => {
    await running(agent);
    const answer = askRaw(target);
    expect((await serve()).path).toBe(path);
    expect(await (await answer).text()).toBe("ok");
  });

  it("keeps its prefix for a service that wants it", async () => {
    await running(agent, { stripPrefix: false });
    const answer = askRaw("/me/51458/lab/../x?y");
    const { path, headers } = await serve();
    expect(path).toBe("/me/51458/lab/../x?y");
    expect(headers.map(([name]) => name)).not.toContain("x-forwarded-prefix");
    await answer;
  });

  it.each(["/api/../me/51458/", "//me/51458/", "/%6de/51458/", "/me/%351458/", "/ME/51458/", "/me\\51458/"])(
    "%s is none of a session",
    async (target) => {
      await running(agent);
      expect((await askRaw(target)).status).toBe(404);
      expect(await agent.untaken()).toEqual([]);
    },
  );

  it.each(["/wait/..\\agent\\link", "/wait/..\\api\\events", "/api/sessions/..\\..\\agent\\streams/logs"])(
    "%s is no way to another route: what is authorised is what is passed on",
    async (target) => {
      expect((await askRaw(target)).status).toBe(404);
      expect(await agent.untaken()).toEqual([]);
    },
  );

  it.each(["/me/51458/", "/api/events", "/wait/51458", "/api/sessions/s000000000000/logs"])(
    "is not told by a header of the client's: %s",
    async (path) => {
      await running(agent);
      const response = await api("GET", path, { headers: { "berth-target": "/me/51458/secret" } });
      expect(await problemOf(response)).toMatchObject({ status: 400, code: "invalid_request" });
      expect(await agent.untaken()).toEqual([]);
    },
  );
});

it("the object itself answers nothing that is no route of its own", async () => {
  const nobody = await workspace().fetch(new Request(`${SESSIONS}/nothing`));
  expect(await problemOf(nobody)).toMatchObject({ status: 401, code: "unauthorized" });
  const somebody = await workspace().fetch(new Request(`${SESSIONS}/nothing`, { headers: asApi }));
  expect(await problemOf(somebody)).toMatchObject({ status: 404, code: "not_found" });
});

import { reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Session } from "../../../contract/session.ts";
import { TestAgent } from "../support/agent.ts";
import { Browser } from "../support/browser.ts";
import { api, launch, problemOf, SESSIONS } from "../support/edge.ts";
import { EventReader } from "../support/event-reader.ts";
import { running } from "../support/running.ts";
import { report, service, spec } from "../support/samples.ts";
import { bytes } from "../support/streams.ts";

let agent: TestAgent;

beforeEach(async () => {
  agent = await TestAgent.connect();
});

afterEach(async () => {
  await agent[Symbol.asyncDispose]();
  await reset();
});

const follow = async (): Promise<EventReader> => new EventReader(await api("GET", "/api/events"));

describe("the events", () => {
  it("begin with what is: the agent, and every session that has not ended", async () => {
    const ended = await running(agent, { port: 51_500 });
    await agent.report(
      report(ended.id, { state: "completed", status: "Completed", port: 51_500, endedAt: 1 }),
    );
    const session = await running(agent);
    await using events = await follow();
    expect(await events.next()).toEqual({ event: "agent", data: { online: true } });
    expect(await events.next()).toEqual({ event: "session", data: session });
    const { id } = await launch({ service: "notebook" });
    expect(await events.next()).toMatchObject({ event: "session", data: { id, state: "submitted" } });
  });

  it("tell each change of a session, as the API shows it, and what is behind the bell", async () => {
    await using events = await follow();
    await events.next();
    const { id } = await launch({ service: "notebook" });
    expect(await events.next()).toMatchObject({ data: { id, state: "submitted" } });
    await agent.report(report(id, { state: "starting", status: "Installing", port: 51_458 }));
    expect(await events.next()).toMatchObject({ data: { id, state: "starting", status: "Installing" } });
    await agent.report(report(id));
    const { event, data } = await events.next();
    expect(event).toBe("session");
    expect(Session.parse(data)).toMatchObject({ id, state: "running", url: "/me/51458/", reachable: true });
    expect(await events.next()).toMatchObject({
      event: "notification",
      data: { session: id, level: "info", text: "Notebook is running" },
    });
    await api("POST", `/api/sessions/${id}/cancel`);
    expect(await events.next()).toMatchObject({ data: { id, canceling: true } });
    await agent.report(report(id, { state: "canceled", status: "Canceled", endedAt: 1 }));
    expect(await events.next()).toMatchObject({ data: { id, state: "canceled", canceling: false } });
  });

  it("say nothing where nothing changed", async () => {
    const { id } = await running(agent);
    await using events = await follow();
    await events.next();
    await events.next();
    await agent.report(report(id));
    await agent.report(report(id, { status: "Running still" }));
    expect(await events.next()).toMatchObject({ data: { id, status: "Running still" } });
  });

  it("tell when the agent leaves and comes, with sessions that are reachable again", async () => {
    const { id } = await running(agent);
    await using events = await follow();
    await events.next();
    await events.next();
    await agent[Symbol.asyncDispose]();
    expect(await events.next()).toEqual({ event: "agent", data: { online: false } });
    agent = await TestAgent.dial();
    agent.hello({ sessions: [{ spec: spec(id), report: report(id, { status: "Running again" }) }] });
    expect(await events.next()).toMatchObject({ data: { id, status: "Running again", reachable: true } });
    expect(await events.next()).toEqual({ event: "agent", data: { online: true } });
  });

  it("tell when the catalogue changes", async () => {
    await using events = await follow();
    await events.next();
    agent.send({ type: "catalogue", services: [service({ name: "other" })] });
    expect(await events.next()).toEqual({ event: "agent", data: { online: true } });
    expect(await (await api("GET", "/api/services")).json()).toMatchObject([{ name: "other" }]);
  });

  it("reach everybody who listens, and one who leaves disturbs nobody", async () => {
    await using first = await follow();
    const second = await follow();
    await first.next();
    await second.next();
    await second[Symbol.asyncDispose]();
    const { id } = await launch({ service: "notebook" });
    expect(await first.next()).toMatchObject({ data: { id } });
  });

  it("do not pile up for one who does not read, and who is cut off", async () => {
    const { id } = await running(agent);
    const idle = await api("GET", "/api/events");
    for (let turn = 0; turn < 300; turn += 1)
      agent.send({ type: "report", report: report(id, { status: `step ${turn}` }) });
    await agent.untaken();
    const behind = new EventReader(idle);
    const read = async (): Promise<void> => {
      for (;;) await behind.next();
    };
    await expect(read()).rejects.toThrow(/lost|gone|ended/);
    await using fresh = await follow();
    await fresh.next();
    expect(await fresh.next()).toMatchObject({ data: { id, status: "step 299" } });
  });

  it("are not kept by a cache, nor held back by a proxy", async () => {
    const response = await api("GET", "/api/events");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    await response.body?.cancel();
  });
});

describe("what a loading page waits for", () => {
  it("is its session's state now and each change of it, and no more than the page shows", async () => {
    const { id } = await running(agent, { state: "starting", status: "Installing" });
    const browser = await Browser.loggedIn();
    await browser.follow(`${SESSIONS}/me/1024/`);
    await using events = new EventReader(await browser.go(`${SESSIONS}/wait/51458`));
    expect(await events.next()).toEqual({
      event: "session",
      data: {
        state: "starting",
        status: "Installing",
        error: "",
        url: "/me/51458/",
        waits: "It waits for the application to answer on port 51458.",
      },
    });
    const queue = { position: 3, reason: "Resources" };
    await agent.report(report(id, { state: "queued", status: "Fetching the software", queue }));
    expect(await events.next()).toMatchObject({
      data: {
        state: "queued",
        status: "Queued",
        waits: "It waits in the cluster's queue: place 3 · Resources.",
      },
    });
    await launch({ service: "notebook" });
    await agent.report(report(id, { slug: "tree" }));
    expect(await events.next()).toMatchObject({
      event: "session",
      data: { state: "running", status: "Running", error: "", url: "/me/51458/tree" },
    });
    await agent.report(report(id, { state: "failed", status: "Failed", error: "died", endedAt: 1 }));
    expect(await events.next()).toMatchObject({ data: { state: "failed", error: "died" } });
  });

  it.each(["51459", "0", "x", "51458.0", "1e4"])("is nothing for the port %s", async (port) => {
    const response = await api("GET", `/wait/${port}`);
    expect(await problemOf(response)).toMatchObject({ status: 404, code: "no_live_session" });
  });
});

describe("a session's log", () => {
  it("is asked of the agent, and streamed as it says", async () => {
    const { id } = await running(agent);
    const answer = api("GET", `/api/sessions/${id}/logs?follow=1`, {
      headers: { accept: "text/event-stream", "last-event-id": "42", cookie: "a=1" },
    });
    const { head } = await agent.next("request");
    expect(head).toMatchObject({
      target: { kind: "log", session: id, follow: true },
      method: "GET",
      body: "none",
      headers: [
        ["accept", "text/event-stream"],
        ["last-event-id", "42"],
      ],
    });
    agent.send(
      {
        type: "response",
        id: head.id,
        status: 200,
        headers: [["content-type", "text/event-stream; charset=utf-8"]],
        length: null,
        end: false,
      },
      bytes('event: line\ndata: "one"\n\n'),
    );
    await using events = new EventReader(await answer);
    expect(await events.next()).toEqual({ event: "line", data: "one" });
    agent.send({ type: "segment", id: head.id, seq: 1, end: false }, bytes('event: line\ndata: "two"\n\n'));
    expect(await events.next()).toEqual({ event: "line", data: "two" });
  });

  it("is still there when the session has ended", async () => {
    const { id } = await running(agent);
    await agent.report(report(id, { state: "failed", status: "Failed", error: "died", endedAt: 1 }));
    const answer = api("GET", `/api/sessions/${id}/logs`);
    const { head } = await agent.next("request");
    expect(head.target).toEqual({ kind: "log", session: id, follow: false });
    agent.send(
      { type: "response", id: head.id, status: 200, headers: [], length: null, end: true },
      bytes("died\n"),
    );
    expect(await (await answer).text()).toBe("died\n");
  });

  it("of a session that is unknown, here or on the workspace, is a problem", async () => {
    expect(await problemOf(await api("GET", "/api/sessions/s000000000000/logs"))).toMatchObject({
      status: 404,
      code: "unknown_session",
    });
    const { id } = await running(agent);
    const answer = api("GET", `/api/sessions/${id}/logs`);
    const { head } = await agent.next("request");
    agent.send({ type: "fail", id: head.id, code: "not_found", message: "no log" });
    expect(await problemOf(await answer)).toMatchObject({ status: 404, code: "unknown_session" });
  });

  it("is out of reach while the agent is away", async () => {
    const { id } = await running(agent);
    await agent[Symbol.asyncDispose]();
    const response = await api("GET", `/api/sessions/${id}/logs`);
    expect(await problemOf(response)).toMatchObject({ status: 503, code: "agent_offline" });
  });

  it("takes no other answer to follow", async () => {
    const response = await api("GET", "/api/sessions/s000000000000/logs?follow=yes");
    expect(await problemOf(response)).toMatchObject({ status: 400, field: "follow" });
  });
});

import { reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EdgeFrame } from "../../../contract/frames.ts";
import { TestAgent } from "../support/agent.ts";
import { api, problemOf } from "../support/edge.ts";
import { running } from "../support/running.ts";
import { bytes, fetchBody } from "../support/streams.ts";

type RequestHead = Extract<EdgeFrame, { type: "request" }>;

let agent: TestAgent;
let url: string;

beforeEach(async () => {
  agent = await TestAgent.connect();
  url = (await running(agent)).url ?? "";
});

afterEach(async () => {
  await agent[Symbol.asyncDispose]();
  await reset();
});

const done = (head: RequestHead): void =>
  agent.send({ type: "response", id: head.id, status: 200, headers: [], length: 2, end: true }, bytes("ok"));

describe("a request's body", () => {
  it("is none where there is none", async () => {
    const answer = api("POST", url);
    const { head, payload } = await agent.next("request");
    expect([head.method, head.body, payload.byteLength]).toEqual(["POST", "none", 0]);
    expect(await problemOf(await fetchBody(head.id))).toMatchObject({ status: 404 });
    done(head);
    await answer;
  });

  it("that is short comes with the request", async () => {
    const answer = api("PUT", url, { body: "saved" });
    const { head, payload } = await agent.next("request");
    expect([head.method, head.body]).toEqual(["PUT", "inline"]);
    expect(new TextDecoder().decode(payload)).toBe("saved");
    expect(head.headers).toContainEqual(["content-length", "5"]);
    done(head);
    await answer;
  });

  it("of no bytes is none", async () => {
    const answer = api("POST", url, { body: "" });
    const { head } = await agent.next("request");
    expect(head.body).toBe("none");
    done(head);
    await answer;
  });

  it("that is large is fetched by the agent, once", async () => {
    const large = crypto.getRandomValues(new Uint8Array(65_536));
    const answer = api("POST", url, { body: new Blob([large, large, large]) });
    const { head, payload } = await agent.next("request");
    expect([head.body, payload.byteLength]).toEqual(["stream", 0]);
    const fetched = await fetchBody(head.id);
    expect(fetched.headers.get("content-type")).toBe("application/octet-stream");
    expect((await fetched.arrayBuffer()).byteLength).toBe(3 * 65_536);
    expect(await problemOf(await fetchBody(head.id))).toMatchObject({ status: 404, code: "not_found" });
    done(head);
    expect(await (await answer).text()).toBe("ok");
  });

  it("of unknown length reaches the agent as the browser sends it", async () => {
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    const answer = api("POST", url, { body: readable });
    const { head } = await agent.next("request");
    expect(head.body).toBe("stream");
    const first = writer.write(bytes("first"));
    const reader = (await fetchBody(head.id)).body?.pipeThrough(new TextDecoderStream()).getReader();
    expect(await reader?.read()).toEqual({ done: false, value: "first" });
    await first;
    void writer.write(bytes("second"));
    expect(await reader?.read()).toEqual({ done: false, value: "second" });
    void writer.close();
    expect(await reader?.read()).toMatchObject({ done: true });
    done(head);
    await answer;
  });

  it("may be answered before it was sent", async () => {
    const answer = api("POST", url, { body: new Blob([new Uint8Array(200_000)]) });
    const { head } = await agent.next("request");
    agent.send({ type: "response", id: head.id, status: 413, headers: [], length: 0, end: true });
    expect((await answer).status).toBe(413);
  });
});

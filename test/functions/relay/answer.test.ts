import { reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AgentFrame, type EdgeFrame, FRAME_PAYLOAD, FRAME_WINDOW } from "../../../contract/frames.ts";
import type { StreamId } from "../../../contract/ids.ts";
import { TestAgent } from "../support/agent.ts";
import { api, asAgent, ask, CONSOLE, problemOf } from "../support/edge.ts";
import { running } from "../support/running.ts";
import { bytes, postSegment } from "../support/streams.ts";

type Head = Partial<Extract<AgentFrame, { type: "response" }>>;

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

/** A browser's request, and the id under which it reached the agent. */
async function asked(
  method = "GET",
  path = "a",
  signal?: AbortSignal,
): Promise<{ id: StreamId; answer: Promise<Response> }> {
  const answer = api(method, url + path, signal === undefined ? {} : { signal });
  const { head } = await agent.next("request");
  return { id: head.id, answer };
}

function begin(id: StreamId, head: Head = {}, payload?: Uint8Array): void {
  agent.send({ type: "response", id, status: 200, headers: [], length: null, end: false, ...head }, payload);
}

const digest = async (content: ArrayBuffer): Promise<string> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex();

const acked = (heads: readonly EdgeFrame[]): number =>
  heads.reduce((sum, head) => sum + (head.type === "ack" ? head.bytes : 0), 0);

const segment = (id: StreamId, seq: number, text: string, end = false): void =>
  agent.send({ type: "segment", id, seq, end }, bytes(text));

describe("an answer", () => {
  it("that is short comes in one frame, with its status and headers", async () => {
    const { id, answer } = await asked();
    begin(
      id,
      {
        status: 418,
        headers: [
          ["Content-Type", "text/plain"],
          ["X-Answer", "a"],
          ["X-Answer", "b"],
          ["Content-Length", "3"],
        ],
        length: 3,
        end: true,
      },
      bytes("tea"),
    );
    const response = await answer;
    expect(response.status).toBe(418);
    expect(response.headers.get("content-type")).toBe("text/plain");
    expect(response.headers.get("x-answer")).toBe("a, b");
    expect(await response.text()).toBe("tea");
    expect(await agent.untaken()).toEqual([]);
  });

  it("of unknown length comes in frames, each seen as it comes", async () => {
    const { id, answer } = await asked();
    begin(id, {}, bytes("one"));
    const { body } = await answer;
    const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
    expect(await reader?.read()).toEqual({ done: false, value: "one" });
    segment(id, 1, "two");
    expect(await reader?.read()).toEqual({ done: false, value: "two" });
    segment(id, 2, "", true);
    expect(await reader?.read()).toMatchObject({ done: true });
  });

  it("is joined in the order of its segments, whichever way and whenever they come", async () => {
    const { id, answer } = await asked();
    const posts = [postSegment(id, 4, "four "), postSegment(id, 1, "one ")];
    segment(id, 5, "five", true);
    segment(id, 3, "three ");
    posts.push(postSegment(id, 2, "two "));
    begin(id, {}, bytes("zero "));
    expect(await (await answer).text()).toBe("zero one two three four five");
    expect((await Promise.all(posts)).map(({ status }) => status)).toEqual([204, 204, 204]);
  });

  it("that is large comes by POST, byte for byte", async () => {
    const { id, answer } = await asked();
    const half = crypto.getRandomValues(new Uint8Array(65_536));
    const large = new Blob(Array.from({ length: 64 }, () => half));
    begin(id, { length: 2 * large.size, headers: [["content-length", String(2 * large.size)]] });
    const first = postSegment(id, 1, large.stream());
    const response = await answer;
    expect(response.headers.get("content-length")).toBe(String(2 * large.size));
    const whole = response.arrayBuffer();
    expect((await first).status).toBe(204);
    expect((await postSegment(id, 2, large)).status).toBe(204);
    segment(id, 3, "", true);
    expect(await digest(await whole)).toBe(await digest(await new Blob([large, large]).arrayBuffer()));
  });

  it("is acknowledged as the browser takes it, not before", async () => {
    const { id, answer } = await asked();
    const payload = new Uint8Array(FRAME_PAYLOAD);
    begin(id, {}, payload);
    for (let seq = 1; seq < 4; seq += 1) agent.send({ type: "segment", id, seq, end: false }, payload);
    const { body } = await answer;
    // The runtime takes a little ahead of the browser.
    expect(acked(await agent.untaken())).toBeLessThan(FRAME_WINDOW);
    const whole = new Response(body).arrayBuffer();
    agent.send({ type: "segment", id, seq: 4, end: true }, payload);
    expect((await whole).byteLength).toBe(5 * FRAME_PAYLOAD);
    expect(acked(await agent.untaken())).toBe(5 * FRAME_PAYLOAD);
  });

  it("whose length was said breaks when less comes", async () => {
    const { id, answer } = await asked();
    begin(id, { length: 10 }, bytes("three"));
    segment(id, 1, "", true);
    await expect((await answer).text()).rejects.toThrow("did not see all expected bytes");
  });

  it("whose length was said breaks when more comes", async () => {
    const { id, answer } = await asked();
    begin(id, { length: 4 }, bytes("three"));
    await expect((await answer).text()).rejects.toThrow("too many bytes");
  });

  it.each([204, 205, 304])("with status %i has no body", async (status) => {
    const { id, answer } = await asked();
    begin(id, { status, headers: [["etag", '"1"']], length: null, end: true });
    const response = await answer;
    expect([response.status, response.headers.get("etag"), response.body]).toEqual([status, '"1"', null]);
  });

  it("to HEAD has the length and no body", async () => {
    const { id, answer } = await asked("HEAD");
    begin(id, { headers: [["content-length", "1000"]], length: null, end: true });
    const response = await answer;
    expect(response.headers.get("content-length")).toBe("1000");
    expect(await response.text()).toBe("");
  });

  it("keeps its content coding: nothing is unpacked on the way", async () => {
    const { id, answer } = await asked();
    const packed = await new Response(
      new Blob(["packed"]).stream().pipeThrough(new CompressionStream("gzip")),
    ).arrayBuffer();
    begin(
      id,
      { headers: [["content-encoding", "gzip"]], length: packed.byteLength, end: true },
      new Uint8Array(packed),
    );
    expect(await (await answer).text()).toBe("packed");
  });

  it.each([
    ["name", ["no name", "x"]],
    ["value", ["x-split", "a\r\nset-cookie: berth=1"]],
  ] as const)(
    "with a header whose %s no HTTP can carry is a bad gateway, not a riddle",
    async (_what, [name, value]) => {
      const { id, answer } = await asked();
      begin(id, { headers: [[name, value]], length: 0, end: true });
      expect(await problemOf(await answer)).toMatchObject({ status: 502, code: "bad_gateway" });
    },
  );
});

describe("an answer that fails", () => {
  it.each([
    ["refused", 502, "bad_gateway"],
    ["broken", 502, "bad_gateway"],
    ["timeout", 504, "upstream_timeout"],
    ["not_found", 404, "unknown_session"],
  ] as const)("before its head, as %s, is told as %i %s", async (code, status, problem) => {
    const { id, answer } = await asked();
    agent.send({ type: "fail", id, code, message: "the application does not listen on port 51458" });
    expect(await problemOf(await answer)).toMatchObject({
      status,
      code: problem,
      detail: "the application does not listen on port 51458",
    });
    expect(await agent.untaken()).toEqual([]);
  });

  it("breaks the body, so that nobody takes the half for the whole", async () => {
    const { id, answer } = await asked();
    begin(id, {}, bytes("half"));
    const response = await answer;
    agent.send({ type: "fail", id, code: "broken", message: "it broke off" });
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow("it broke off");
  });

  it("breaks the body also behind frames that nobody has read yet", async () => {
    const { id, answer } = await asked();
    const payload = new Uint8Array(FRAME_PAYLOAD);
    begin(id, {}, payload);
    for (let seq = 1; seq < 4; seq += 1) agent.send({ type: "segment", id, seq, end: false }, payload);
    const response = await answer;
    agent.send({ type: "fail", id, code: "broken", message: "it broke off" });
    await agent.untaken();
    await expect(response.arrayBuffer()).rejects.toThrow("it broke off");
  });

  it("breaks the body also behind a POST that ends well", async () => {
    const { id, answer } = await asked();
    begin(id, {}, bytes("a"));
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    const post = postSegment(id, 1, readable);
    const reader = (await answer).body?.getReader();
    await reader?.read();
    void writer.write(bytes("b"));
    await reader?.read();
    agent.send({ type: "fail", id, code: "broken", message: "it broke off" });
    await agent.untaken();
    await writer.close();
    await expect(reader?.read()).rejects.toThrow("it broke off");
    expect(await problemOf(await post)).toMatchObject({ status: 404, code: "not_found" });
  });
});

describe("a browser that leaves", () => {
  it("before the head ends the request at the agent", async () => {
    const leave = new AbortController();
    const { id, answer } = await asked("GET", "a", leave.signal);
    leave.abort();
    await expect(answer).rejects.toThrow("abort");
    expect((await agent.next("abort")).head.id).toBe(id);
  });

  it("in the middle of frames ends the request at the agent", async () => {
    const { id, answer } = await asked();
    begin(id, {}, bytes("one"));
    const reader = (await answer).body?.getReader();
    await reader?.read();
    await agent.next("ack");
    await reader?.cancel();
    segment(id, 1, "two");
    expect((await agent.next("abort")).head.id).toBe(id);
  });

  it("in the middle of a POST ends that POST and the request", async () => {
    const { id, answer } = await asked();
    begin(id);
    const chunk = new Uint8Array(65_536);
    const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(chunk) });
    const post = postSegment(id, 1, endless);
    const reader = (await answer).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    expect((await agent.next("abort")).head.id).toBe(id);
    expect(await problemOf(await post)).toMatchObject({ status: 404, code: "not_found" });
  });

  it("makes later segments of no use", async () => {
    const leave = new AbortController();
    const { id, answer } = await asked("GET", "a", leave.signal);
    leave.abort();
    await expect(answer).rejects.toThrow("abort");
    await agent.next("abort");
    expect(await problemOf(await postSegment(id, 1, "late"))).toMatchObject({
      status: 404,
      code: "not_found",
    });
    begin(id, {}, bytes("late"));
    expect((await agent.next("abort")).head.id).toBe(id);
  });
});

it.each([
  ["no number", "seq=one"],
  ["a fraction", "seq=1.5"],
  ["the head's", "seq=0"],
  ["missing", ""],
])("a segment whose number is %s is refused, and the answer waits for a better one", async (_what, query) => {
  const { id, answer } = await asked();
  begin(id);
  const init = { method: "POST", headers: asAgent, body: "x" };
  const refused = await ask(`${CONSOLE}/agent/streams/${id}?${query}`, init);
  expect(await problemOf(refused)).toMatchObject({ status: 400, code: "invalid_request" });
  segment(id, 1, "good", true);
  expect(await (await answer).text()).toBe("good");
});

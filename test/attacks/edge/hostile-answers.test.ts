import { reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AgentFrame, FRAME_PAYLOAD, FRAME_WINDOW } from "../../../contract/frames.ts";
import type { StreamId } from "../../../contract/ids.ts";
import { TestAgent } from "../../functions/support/agent.ts";
import { api } from "../../functions/support/edge.ts";
import { running } from "../../functions/support/running.ts";
import { bytes, postSegment } from "../../functions/support/streams.ts";

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

const head = (id: StreamId): AgentFrame => ({
  type: "response",
  id,
  status: 200,
  headers: [],
  length: null,
  end: false,
});

/** An answer of which the browser has its head, and reads nothing yet. */
async function begun(): Promise<{ id: StreamId; response: Response }> {
  const answer = api("GET", `${url}a`);
  const { id } = (await agent.next("request")).head;
  agent.send(head(id), bytes("a"));
  return { id, response: await answer };
}

function segment(id: StreamId, seq: number, payload = bytes("b")): void {
  agent.send({ type: "segment", id, seq, end: false }, payload);
}

/** What Berth does about it: half an answer never passes for a whole one, and the agent is told that it is over. */
async function expectBroken({ id, response }: { id: StreamId; response: Response }): Promise<void> {
  expect((await agent.next("abort")).head.id).toBe(id);
  await expect(response.arrayBuffer()).rejects.toThrow("did not keep to the protocol");
  expect((await api("GET", "/api/agent")).status).toBe(200);
}

describe("an agent's answer", () => {
  it("with a second head is broken off", async () => {
    const answer = await begun();
    agent.send(head(answer.id), bytes("another"));
    await expectBroken(answer);
  });

  it("with a segment that was passed on already is broken off", async () => {
    const answer = await begun();
    segment(answer.id, 1);
    segment(answer.id, 1);
    await expectBroken(answer);
  });

  it("with two segments that wait for the same turn is broken off", async () => {
    const answer = await begun();
    segment(answer.id, 7);
    segment(answer.id, 7);
    await expectBroken(answer);
  });

  it("with a segment that comes by both roads is broken off", async () => {
    const answer = await begun();
    segment(answer.id, 7);
    expect((await postSegment(answer.id, 7, "b")).status).toBe(404);
    await expectBroken(answer);
  });

  it("with a segment before its head is none", async () => {
    const answer = api("GET", `${url}a`);
    const { id } = (await agent.next("request")).head;
    segment(id, 0);
    agent.send(head(id), bytes("a"));
    expect((await answer).status).toBe(502);
  });

  it("with a frame that is larger than frames are is broken off", async () => {
    const answer = await begun();
    segment(answer.id, 1, new Uint8Array(FRAME_PAYLOAD + 1));
    await expectBroken(answer);
  });

  it("that sends more than the window takes, while nobody reads, is broken off", async () => {
    const answer = await begun();
    const frames = FRAME_WINDOW / FRAME_PAYLOAD + 2;
    for (let seq = 1; seq <= frames; seq++) segment(answer.id, seq, new Uint8Array(FRAME_PAYLOAD));
    await expectBroken(answer);
  });
});

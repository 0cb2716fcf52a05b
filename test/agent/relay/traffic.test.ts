import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import type { EdgeFrame, Traffic } from "../../../contract/frames.ts";
import { SessionId, type StreamId, streamId } from "../../../contract/ids.ts";
import { eventually } from "../../support/eventually.ts";
import { RelayStage } from "../../support/relay-stage.ts";

const session = SessionId.parse("s000000000000");
const anId = () => streamId((bytes) => crypto.getRandomValues(bytes));
const NOTHING = new Uint8Array(0);
const MINUTE = 60_000;
const WAIT = { timeoutMs: 20_000 };

let stage: RelayStage;

beforeEach(async () => {
  // The relay's own clock; what goes over the sockets keeps its time.
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  stage = await RelayStage.open();
});

afterEach(() => {
  stage[Symbol.dispose]();
  vi.useRealTimers();
});

type RequestHead = Extract<EdgeFrame, { type: "request" }>;

/** Has the relay ask the service. */
function ask(changes: Partial<RequestHead> = {}, payload: Uint8Array = NOTHING): StreamId {
  const head: RequestHead = {
    type: "request",
    id: anId(),
    target: { kind: "port", session, port: stage.port, tls: false },
    visitor: "login:1",
    method: "POST",
    path: "/",
    headers: [["host", "sessions.localhost"]],
    body: payload.byteLength === 0 ? "none" : "inline",
    ...changes,
  };
  stage.relay.receive({ head, payload });
  return head.id;
}

/** The service reads each request, and answers with so many bytes. */
function answerAll(bytes: number): void {
  stage.service.on("request", (request, response) => {
    void buffer(request).then(() => response.end(Buffer.alloc(bytes)));
  });
}

const hasEnded = (id: string): boolean =>
  stage.sent.some(
    (frame) => (frame.type === "response" || frame.type === "segment") && frame.id === id && frame.end,
  );

/** What the edge is told once so many minutes have passed. */
function tellAfter(minutes = 1): Traffic[] {
  const before = stage.sent.length;
  vi.advanceTimersByTime(minutes * MINUTE);
  return stage.sent.slice(before).flatMap((frame) => (frame.type === "active" ? (frame.traffic ?? []) : []));
}

const NONE = { http: 0, sse: 0, websocket: 0 };

it("tells the edge how many bytes went each way, once", { timeout: 60_000 }, async () => {
  answerAll(1000);
  const id = ask({}, new Uint8Array(300));
  await eventually(() => hasEnded(id), { ...WAIT, what: "the answer" });
  expect(tellAfter()).toEqual([{ toBrowser: 1000, toService: 300, open: NONE }]);
  expect(tellAfter(60)).toEqual([]);
});

it("counts bodies and answers that go beside the link", { timeout: 60_000 }, async () => {
  const [up, down] = [3_000_000, 5_000_000];
  stage.edge.on("request", (request, response) => {
    if (request.method === "GET") response.end(Buffer.alloc(up));
    else void buffer(request).then(() => response.writeHead(204).end());
  });
  answerAll(down);
  const id = ask({ body: "stream" });
  await eventually(() => hasEnded(id), { ...WAIT, what: "the answer" });
  expect(tellAfter()).toEqual([{ toBrowser: down, toService: up, open: NONE }]);
});

it("tells which streams are open, also those on which nothing happens", { timeout: 60_000 }, async () => {
  stage.service.on("request", (request, response) => {
    const type = request.url === "/events" ? "text/event-stream; charset=utf-8" : "text/plain";
    response.writeHead(200, { "content-type": type }).write("begin");
  });
  const services = new WebSocketServer({ server: stage.service });
  const edges = new WebSocketServer({ server: stage.edge });
  const [browser, application] = [once(edges, "connection"), once(services, "connection")];
  const ids = [ask({ method: "GET", path: "/events" }), ask({ method: "GET" })];
  const target = { kind: "port", session, port: stage.port, tls: false } as const;
  const headers: [string, string][] = [["host", "sessions.localhost"]];
  const head = { type: "websocket", id: anId(), target, visitor: "login:1", path: "/", headers } as const;
  stage.relay.receive({ head, payload: NOTHING });
  const [[atEdge], [atService]] = (await Promise.all([browser, application])) as [[WebSocket], [WebSocket]];
  atEdge.send("12345678");
  await once(atService, "message");
  atService.send(Buffer.alloc(20));
  await once(atEdge, "message");
  await eventually(() => stage.sent.filter(({ type }) => type === "response").length === 2, {
    ...WAIT,
    what: "both answers",
  });
  const open = { http: 1, sse: 1, websocket: 1 };
  expect(tellAfter()).toEqual([{ toBrowser: 30, toService: 8, open }]);
  expect(tellAfter(4)).toEqual([]);
  expect(tellAfter()).toEqual([{ toBrowser: 0, toService: 0, open }]);
  for (const id of ids) stage.relay.receive({ head: { type: "abort", id }, payload: NOTHING });
  atEdge.close();
  await once(atService, "close");
  await eventually(() => tellAfter().some((told) => told.open.websocket === 0), {
    ...WAIT,
    what: "the end to be told",
  });
});

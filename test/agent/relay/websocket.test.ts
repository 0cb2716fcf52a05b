import { once } from "node:events";
import type { Duplex } from "node:stream";
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from "vitest";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import { decodeFrame, EdgeFrame, encodeFrame } from "../../../contract/frames.ts";
import { SessionId, streamId } from "../../../contract/ids.ts";
import { eventually } from "../../support/eventually.ts";
import { RelayStage } from "../../support/relay-stage.ts";

const session = SessionId.parse("s000000000000");
const id = streamId((bytes) => crypto.getRandomValues(bytes));

let stage: RelayStage;

beforeEach(async () => {
  stage = await RelayStage.open();
});

afterEach(() => {
  stage[Symbol.dispose]();
});

/** Has the relay open a WebSocket for a browser that sends these headers. */
function open(headers: [string, string][] = []): void {
  const target = { kind: "port", session, port: stage.port, tls: false } as const;
  const frame = encodeFrame({
    type: "websocket",
    id,
    target,
    visitor: "login:1",
    path: "/",
    headers: [["host", "sessions.localhost"], ...headers],
  });
  const { head, payload } = decodeFrame(EdgeFrame, frame);
  if (head.type !== "websocket") throw new Error(head.type);
  stage.relay.receive({ head, payload });
}

it("a WebSocket with a header that no request can have is answered, and harms no other", () => {
  open([["x-odd", "a\u0001b"]]);
  expect(stage.sent).toEqual([
    { type: "fail", id, code: "broken", message: expect.stringContaining("x-odd") },
  ]);
});

it(
  "a service that breaks off before the edge has its end takes that with it",
  { timeout: 30_000 },
  async () => {
    const sockets: Duplex[] = [];
    const upgrades: (() => void)[] = [];
    const services = new WebSocketServer({ server: stage.service });
    services.on("connection", (_socket, { socket }) => sockets.push(socket));
    const edges = new WebSocketServer({ noServer: true });
    stage.edge.on("upgrade", (request, socket, head) => {
      upgrades.push(() =>
        edges.handleUpgrade(request, socket, head, (each) => edges.emit("connection", each)),
      );
    });
    open();
    await eventually(() => upgrades.length === 1 && sockets.length === 1, { what: "the edge to be asked" });
    const closed = once(edges, "connection").then(([socket]) => once(socket, "close"));
    const gone = once(sockets[0] ?? stage.service, "close");
    sockets[0]?.destroy();
    await gone;
    upgrades[0]?.();
    expect(await closed).toEqual([1006, expect.anything()]);
  },
);

/** Lets the edge take its end; its socket, and the service's. */
async function coupled(edge: ServerOptions = {}): Promise<[edge: WebSocket, service: WebSocket]> {
  const [atEdge, atService] = [
    new WebSocketServer({ server: stage.edge, ...edge }),
    new WebSocketServer({ server: stage.service }),
  ];
  const both = Promise.all([once(atEdge, "connection"), once(atService, "connection")]);
  open();
  const [[one], [other]] = (await both) as [[WebSocket], [WebSocket]];
  return [one, other];
}

it("pings of a service that reads nothing are not answered without an end", { timeout: 60_000 }, async () => {
  const [atEdge, atService] = await coupled();
  const pings = 200_000;
  let pongs = 0;
  atService.on("pong", () => (pongs += 1));
  atService.pause();
  for (let count = 0; count < pings; count += 1) atService.ping(Buffer.alloc(125));
  const told = once(atEdge, "message");
  atService.send("that was all");
  await told;
  atService.resume();
  const asked = once(atService, "message");
  atEdge.send("read");
  await asked;
  expect(pongs).toBeGreaterThan(0);
  expect(pongs).toBeLessThan(pings / 2);
  const pong = once(atService, "pong");
  atService.ping("still there?");
  expect(String((await pong)[0])).toBe("still there?");
});

it("an edge is sent no more than it has answered a ping behind", { timeout: 60_000 }, async () => {
  const [atEdge, atService] = await coupled({ autoPong: false });
  const [message, count] = [Buffer.alloc(1_048_576), 40];
  let [received, unanswered] = [0, 0];
  atEdge.on("message", () => {
    received += 1;
    unanswered += 1;
  });
  const asked = once(atEdge, "ping");
  for (let sent = 0; sent < count; sent += 1) atService.send(message);
  await asked;
  const heard = once(atService, "message");
  atEdge.send("are you there?");
  await heard;
  expect(received).toBeLessThan(count / 2);
  atEdge.on("ping", () => {
    expect(unanswered).toBeLessThan(count / 2);
    unanswered = 0;
    atEdge.pong();
  });
  unanswered = 0;
  atEdge.pong();
  await eventually(() => received === count, { what: "all of it" });
});

it("a message without an end is refused as too large", { timeout: 60_000 }, async () => {
  const [atEdge, atService] = await coupled();
  const closed = once(atService, "close");
  const left = once(atEdge, "close");
  const fragment = Buffer.alloc(1_048_576);
  for (let count = 0; count <= 64; count += 1) atService.send(fragment, { fin: false });
  expect(await closed).toEqual([1009, expect.anything()]);
  await left;
});

it(
  "what was said before a close waits for a slow reader, and the close behind it",
  { timeout: 60_000 },
  async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const [atEdge, atService] = await coupled();
    atEdge.pause();
    // More than the kernel takes for a socket that nobody reads.
    const message = Buffer.alloc(60 * 1_048_576);
    const closed = once(atService, "close");
    atService.send(message);
    atService.close(4000, "that was all");
    await closed;
    await vi.advanceTimersByTimeAsync(30_000);
    const [read, left] = [once(atEdge, "message"), once(atEdge, "close")];
    atEdge.resume();
    expect(((await read) as [Buffer])[0]).toHaveLength(message.length);
    expect(await left).toEqual([4000, Buffer.from("that was all")]);
  },
);

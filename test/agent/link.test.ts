import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { AgentFrame, decodeFrame, type EdgeFrame, encodeFrame, PING } from "../../contract/frames.ts";
import { SessionId } from "../../contract/ids.ts";
import { PROTOCOL_VERSION } from "../../contract/version.ts";
import { Link, reconnectPause } from "../../agent/link.ts";
import { eventually } from "../support/eventually.ts";

const QUIET = { info: () => undefined, warn: () => undefined };
const WELCOME: EdgeFrame = { type: "welcome", protocol: PROTOCOL_VERSION, epoch: 1, wanted: [] };

let edge: WebSocketServer;
let sockets: WebSocket[];
let frames: AgentFrame[];
let pings: number;
let happened: string[];
let link: Link;

/** An edge of which the test decides what it says. */
beforeEach(async () => {
  sockets = [];
  frames = [];
  pings = 0;
  happened = [];
  edge = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(edge, "listening");
  edge.on("connection", (socket) => {
    sockets.push(socket);
    socket.on("message", (data: Buffer) => {
      if (data.toString() === PING) pings += 1;
      else frames.push(decodeFrame(AgentFrame, data.toString()).head);
    });
  });
  link = new Link({
    url: new URL(`http://127.0.0.1:${(edge.address() as AddressInfo).port}`),
    token: async () => "agent",
    hello: () => ({
      type: "hello",
      protocol: PROTOCOL_VERSION,
      agent: { version: "1", host: "h", user: "u" },
      services: [],
      resources: [],
      sessions: [],
    }),
    onWelcome: () => happened.push("welcome"),
    onFrame: ({ head }) => happened.push(head.type),
    onLost: () => happened.push("lost"),
    onReplaced: () => happened.push("replaced"),
    onRefused: ({ code }) => happened.push(`refused: ${code}`),
    log: QUIET,
    random: () => 0,
  });
  link.start();
  await eventually(() => frames.length === 1, { what: "the hello" });
});

afterEach(async () => {
  await link[Symbol.asyncDispose]();
  for (const socket of edge.clients) socket.terminate();
  edge.close();
});

describe("the link", () => {
  it("tells what changes between its hello and the welcome", async () => {
    const session = SessionId.parse("s000000000000");
    link.send({ type: "notify", session, level: "info", text: "meanwhile" });
    await eventually(() => frames.length === 2, { what: "the notice" });
    expect(frames[1]).toMatchObject({ type: "notify", text: "meanwhile" });
  });

  it("dials again when it is lost, and says everything anew", async () => {
    sockets[0]?.send(encodeFrame(WELCOME));
    await eventually(() => happened.includes("welcome"), { what: "the welcome" });
    sockets[0]?.terminate();
    await eventually(() => frames.length === 2, { what: "another hello" });
    expect(frames[1]?.type).toBe("hello");
    expect(happened).toEqual(["welcome", "lost"]);
  });

  it("leaves an edge that sends what is no frame, and dials again", async () => {
    sockets[0]?.send("{}");
    await eventually(() => frames.length === 2, { what: "another hello" });
  });

  it("does not take the link back from the agent that has replaced it", async () => {
    sockets[0]?.send(encodeFrame(WELCOME));
    sockets[0]?.close(4000, "another agent has taken the link");
    await eventually(() => happened.includes("replaced"), { what: "the end" });
    await link[Symbol.asyncDispose]();
    expect(sockets).toHaveLength(1);
  });
});

describe("an edge that has fallen silent", () => {
  /** A link, welcomed, that has asked for a sign of life; its time is the test's. */
  async function asking(): Promise<WebSocket> {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    sockets[0]?.terminate();
    await eventually(() => frames.length === 2, { what: "a link in this time" });
    const [, socket] = sockets;
    if (socket === undefined) throw new Error("no second link");
    socket.send(encodeFrame(WELCOME));
    await eventually(() => happened.includes("welcome"), { what: "the welcome" });
    vi.advanceTimersByTime(15_000);
    await eventually(() => pings === 1, { what: "the ping" });
    return socket;
  }

  it("is left, and dialled again", async () => {
    await asking();
    vi.advanceTimersByTime(11_000);
    await eventually(() => frames.length === 3, { what: "another hello" });
    expect(happened).toEqual(["welcome", "lost"]);
  });

  it("is kept when its word lay there already as a sleeping machine's timer came", async () => {
    const socket = await asking();
    socket.send(encodeFrame({ type: "evict", visitor: "login:1" }));
    vi.advanceTimersByTime(10_000);
    await eventually(() => happened.includes("evict"), { what: "what was said" });
    vi.advanceTimersByTime(4_000);
    socket.send(encodeFrame({ type: "evict", visitor: "login:2" }));
    await eventually(() => happened.length === 3, { what: "the same link to be used" });
    expect(happened).toEqual(["welcome", "evict", "evict"]);
  });
});

describe("the pause before another attempt", () => {
  it("doubles up to 15 s, and is drawn from the upper half", () => {
    const bounds = (attempt: number): number[] => [
      reconnectPause(attempt, () => 0),
      reconnectPause(attempt, () => 1),
    ];
    expect(bounds(0)).toEqual([50, 100]);
    expect(bounds(3)).toEqual([400, 800]);
    expect(bounds(50)).toEqual([7_500, 15_000]);
  });
});

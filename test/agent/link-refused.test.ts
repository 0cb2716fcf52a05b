import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { AgentFrame, decodeFrame, type EdgeFrame, encodeFrame } from "../../contract/frames.ts";
import { BerthError, type ProblemCode } from "../../contract/problem.ts";
import { PROTOCOL_VERSION } from "../../contract/version.ts";
import { Link } from "../../agent/link.ts";
import { eventually } from "../support/eventually.ts";

/** An edge that answers every dial with the same: a frame on the link, or a problem in its place. */
let answer: EdgeFrame | BerthError;
let server: Server;
/** So long it takes for it; milliseconds. */
let busyMs: number;
let dials: string[];
let happened: string[];
let token: string;
let link: Link;

beforeEach(async () => {
  [busyMs, dials, happened, token] = [0, [], [], "first"];
  const sockets = new WebSocketServer({ noServer: true });
  server = createServer().listen(0, "127.0.0.1");
  const reply = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (answer instanceof BerthError) {
      const body = JSON.stringify(answer.problem);
      socket.end(
        `HTTP/1.1 ${answer.status} No\r\ncontent-type: application/problem+json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      return;
    }
    sockets.handleUpgrade(request, socket, head, (accepted) => {
      accepted.on("message", (data: Buffer) =>
        happened.push(decodeFrame(AgentFrame, data.toString()).head.type),
      );
      if (!(answer instanceof BerthError)) accepted.send(encodeFrame(answer));
    });
  };
  server.on("upgrade", (request, socket, head) => {
    dials.push(request.headers.authorization ?? "");
    // A link that is disposed of while it dials hangs up.
    socket.on("error", () => undefined);
    setTimeout(reply, busyMs, request, socket, head);
  });
  await once(server, "listening");
  link = new Link({
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    token: async () => token,
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
    onRefused: ({ code, message }) => happened.push(`${code}: ${message}`),
    log: { info: () => undefined, warn: (context) => happened.push(JSON.stringify(context)) },
    random: () => 0,
  });
});

afterEach(async () => {
  await link[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
});

/** Starts it, and waits until something has happened that is said so. */
async function until(what: string): Promise<void> {
  link.start();
  await eventually(() => happened.some((each) => each.includes(what)), { what });
}

describe("an agent that the edge refuses for good", () => {
  it.each([
    ["agent_revoked", "this agent was revoked"],
    ["protocol_mismatch", "upgrade the agent"],
  ] satisfies [ProblemCode, string][])(
    "by the frame %s says why and dials no more",
    async (code, message) => {
      answer = { type: "refused", code, message };
      await until(`${code}: ${message}`);
      await link[Symbol.asyncDispose]();
      expect(dials).toHaveLength(1);
    },
  );

  it("by an answer to its upgrade says why and dials no more", async () => {
    answer = new BerthError("agent_revoked", "this agent was revoked");
    await until("agent_revoked: this agent was revoked");
    await link[Symbol.asyncDispose]();
    expect(dials).toHaveLength(1);
  });

  it("is told of another protocol also where the edge has not noticed", async () => {
    answer = { type: "welcome", protocol: PROTOCOL_VERSION + 1, epoch: 1, wanted: [] };
    await until("upgrade the agent");
    expect(happened).not.toContain("welcome");
  });
});

it("an agent that is turned away for another reason says it and dials again, with the token of that moment", async () => {
  answer = new BerthError("not_configured", "this edge has no BERTH_COOKIE_SECRET");
  await until("this edge has no BERTH_COOKIE_SECRET");
  token = "second";
  await eventually(() => dials.includes("Bearer second"), { what: "a dial with the new token" });
});

it(
  "an agent that reached an edge with much to do waits for it, and does not dial anew",
  { timeout: 60_000 },
  async () => {
    answer = { type: "welcome", protocol: PROTOCOL_VERSION, epoch: 1, wanted: [] };
    busyMs = 12_000;
    link.start();
    await eventually(() => happened.includes("welcome"), { what: "the welcome", timeoutMs: 40_000 });
    expect(dials).toHaveLength(1);
  },
);

it("an agent whose hello is refused for what it says tells so and dials again: what it says changes", async () => {
  answer = { type: "refused", code: "invalid_request", message: "sessions.0.report is none" };
  await until("sessions.0.report is none");
  await eventually(() => dials.length > 1, { what: "another dial" });
  answer = { type: "welcome", protocol: PROTOCOL_VERSION, epoch: 1, wanted: [] };
  await eventually(() => happened.includes("welcome"), { what: "the welcome" });
});

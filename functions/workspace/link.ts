import { z } from "zod";
import { isResponse } from "../../contract/common-frames.ts";
import {
  AgentFrame,
  decodeFrame,
  type EdgeFrame,
  encodeFrame,
  type Frame,
  PING,
  PONG,
} from "../../contract/frames.ts";
import { UserId } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";
import { PROTOCOL_VERSION } from "../../contract/version.ts";
import type { Mismatch } from "../../contract/agent-status.ts";
import type { VisitingAgent } from "../auth/visitor.ts";
import { mismatchOf, mismatchText } from "./protocol.ts";

type Hello = Extract<AgentFrame, { type: "hello" }>;

/** Which agent has a socket, by the token that it has shown; see `visitingAgent`. */
export type LinkedAgent = Pick<VisitingAgent, "user" | "token">;

/** What the object does with what the agent says. */
export type LinkHandler = {
  /** Returns the answer to a hello. */
  onHello: (hello: Hello, from: LinkedAgent) => Extract<EdgeFrame, { type: "welcome" }>;
  onFrame: (frame: Frame<Exclude<AgentFrame, Hello>>, from: LinkedAgent) => void;
  /** Whoever was answering answers no more: the link is down, or another agent has taken it. */
  onLost: () => Promise<void>;
  /** The link is down, and no other agent has it. */
  onDown: (from: LinkedAgent) => void;
  /** An agent of another protocol was refused. */
  onMismatch: (mismatch: Mismatch) => void;
};

/** Of a socket that has not said hello the epoch is 0; the highest is the link's, `OVER` is none's any more. */
const Attachment = z.object({ epoch: z.int(), agent: z.object({ user: UserId, token: z.string() }) });
type Attachment = z.infer<typeof Attachment>;
const OVER = -1;

/** Enough of a hello to tell the version of any protocol. */
const AnyHello = z.object({
  type: z.literal("hello"),
  protocol: z.int(),
  agent: z
    .object({ version: z.string().max(32) })
    .nullable()
    .catch(null),
});

/** Characters of what is wrong with a frame: an agent can make that as long as it likes. */
const LOGGED = 1000;

const TAG = "link";
const CLOSED_NORMAL = 1000;
const CLOSED_POLICY = 1008;
const CLOSED_REPLACED = 4000;

/** An agent pings every 15 s; one that missed two is not reachable, whatever the socket says. */
const SILENT_MS = 45_000;

/**
 * The agent's WebSocket. It is accepted for hibernation, so that an idle workspace costs no memory: the object may be
 * evicted while the socket stays, and finds it again by its attachment.
 */
export class Link {
  readonly #ctx: DurableObjectState;
  readonly #handler: LinkHandler;
  #socket: WebSocket | undefined;

  constructor(ctx: DurableObjectState, handler: LinkHandler) {
    this.#ctx = ctx;
    this.#handler = handler;
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
    const epochs = ctx.getWebSockets(TAG).map((socket) => ({ socket, epoch: epochOf(socket) }));
    this.#socket = epochs.filter(({ epoch }) => epoch > 0).toSorted((a, b) => b.epoch - a.epoch)[0]?.socket;
  }

  get online(): boolean {
    return this.#socket !== undefined;
  }

  /** Whose link it is; undefined while nobody has it. */
  get agent(): LinkedAgent | undefined {
    return this.#socket === undefined ? undefined : agentOf(this.#socket);
  }

  /** False also while the agent has fallen silent on an open socket. `now` in milliseconds since 1970. */
  isReachable(now: number): boolean {
    if (this.#socket === undefined) return false;
    const last = this.#ctx.getWebSocketAutoResponseTimestamp(this.#socket);
    return last === null || now - last.getTime() < SILENT_MS;
  }

  /** Takes an agent's upgrade; it becomes the link when it has said hello. */
  accept(request: Request, { user, token }: LinkedAgent): Response {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket")
      throw new BerthError("invalid_request", "the link is a WebSocket");
    const { 0: client, 1: server } = new WebSocketPair();
    this.#ctx.acceptWebSocket(server, [TAG]);
    attach(server, { epoch: 0, agent: { user, token } });
    return new Response(null, { status: 101, webSocket: client });
  }

  /** False when there is nobody to send to. */
  send(head: EdgeFrame, payload?: Uint8Array): boolean {
    if (this.#socket === undefined) return false;
    try {
      this.#socket.send(encodeFrame(head, payload));
      return true;
    } catch {
      return false;
    }
  }

  /** Undefined for what is done at once, as nearly all is. */
  receive(socket: WebSocket, message: string | ArrayBuffer): Promise<void> | undefined {
    if (socket !== this.#socket && epochOf(socket) === 0) return this.#greet(socket, message);
    // What a replaced link still says is of no epoch that counts.
    if (socket !== this.#socket) return undefined;
    const frame = readFrame(message);
    if (frame === undefined) {
      end(socket, CLOSED_POLICY, "not a frame of this protocol");
      return this.lost(socket);
    }
    const { head, payload } = frame;
    if (head.type !== "hello") this.#handler.onFrame({ head, payload }, agentOf(socket));
    return undefined;
  }

  /** Closes whatever an agent has open here, and tells it why; it does not come back by itself. */
  async revoke(agent: LinkedAgent["token"], why: BerthError): Promise<void> {
    for (const socket of this.#ctx.getWebSockets(TAG)) {
      const attachment = Attachment.safeParse(socket.deserializeAttachment()).data;
      if (attachment?.agent.token !== agent || attachment.epoch === OVER) continue;
      refuse(socket, why.code, why.message);
      await this.lost(socket);
    }
  }

  /** Closes whatever any agent has open here. It may come back, and is told at the door whether it is let in. */
  async shut(why: string): Promise<void> {
    for (const socket of this.#ctx.getWebSockets(TAG)) {
      if (socket !== this.#socket && epochOf(socket) !== OVER) end(socket, CLOSED_POLICY, why);
    }
    if (this.#socket === undefined) return;
    // Closed here, and not by `lost` alone, for its code.
    end(this.#socket, CLOSED_POLICY, why);
    await this.lost(this.#socket);
  }

  async lost(socket: WebSocket): Promise<void> {
    // A hibernating socket's closing handshake is the object's to finish (Cloudflare, WebSocket Hibernation API).
    end(socket, CLOSED_NORMAL, "");
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    this.#handler.onDown(agentOf(socket));
    await this.#handler.onLost();
  }

  async #greet(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const text = typeof message === "string" ? message : "null";
    const any = AnyHello.safeParse(parseJson(text));
    if (any.success && any.data.protocol !== PROTOCOL_VERSION) {
      const mismatch = mismatchOf(any.data.protocol, any.data.agent?.version ?? null);
      refuse(socket, "protocol_mismatch", mismatchText(mismatch));
      this.#handler.onMismatch(mismatch);
      return;
    }
    const hello = AgentFrame.safeParse(parseJson(text));
    if (!hello.success || hello.data.type !== "hello") {
      const issue = any.success ? hello.error?.issues[0] : undefined;
      const what = issue === undefined ? "it is none" : `${issue.path.join(".")} ${issue.message}`;
      refuse(socket, "invalid_request", `the first frame must be a hello: ${what}`);
      return;
    }
    const replaced = this.#socket;
    // From here on: what the hello changes is told with the workspace reachable.
    this.#socket = socket;
    const agent = agentOf(socket);
    const welcome = this.#handler.onHello(hello.data, agent);
    attach(socket, { epoch: welcome.epoch, agent });
    socket.send(encodeFrame(welcome));
    if (replaced === undefined) return;
    end(replaced, CLOSED_REPLACED, "another agent has taken the link");
    await this.#handler.onLost();
  }
}

function readFrame(message: string | ArrayBuffer): Frame<AgentFrame> | undefined {
  try {
    return decodeFrame(AgentFrame, message, isResponse);
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    console.warn("the agent sent a frame that does not fit the protocol:", why.slice(0, LOGGED));
    return undefined;
  }
}

function epochOf(socket: WebSocket): number {
  const attachment = Attachment.safeParse(socket.deserializeAttachment());
  return attachment.success ? attachment.data.epoch : 0;
}

const attach = (socket: WebSocket, attachment: Attachment): void => socket.serializeAttachment(attachment);

/** Whose sockets they are: told at each upgrade, never changed, and asked with every frame of an answer. */
const agents = new WeakMap<WebSocket, LinkedAgent>();

function agentOf(socket: WebSocket): LinkedAgent {
  let agent = agents.get(socket);
  if (agent === undefined) {
    agent = Attachment.parse(socket.deserializeAttachment()).agent;
    agents.set(socket, agent);
  }
  return agent;
}

function refuse(socket: WebSocket, code: string, message: string): void {
  socket.send(encodeFrame({ type: "refused", code, message }));
  end(socket, CLOSED_POLICY, code);
}

/** Closes a socket for good: one whose other side has gone silent lingers, and an evicted object finds it again. */
function end(socket: WebSocket, code: number, reason: string): void {
  attach(socket, { epoch: OVER, agent: agentOf(socket) });
  socket.close(code, reason);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

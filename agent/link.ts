import type { ClientRequest, IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";
import { isRequest } from "../contract/common-frames.ts";
import {
  type AgentFrame,
  decodeFrame,
  EdgeFrame,
  encodeFrame,
  type Frame,
  PING,
  PONG,
} from "../contract/frames.ts";
import { BerthError, Problem, type ProblemCode } from "../contract/problem.ts";
import { PROTOCOL_VERSION } from "../contract/version.ts";

type Hello = Extract<AgentFrame, { type: "hello" }>;
type Welcome = Extract<EdgeFrame, { type: "welcome" }>;

/** What the link itself does not deal with. */
export type LinkFrame = Exclude<EdgeFrame, { type: "welcome" | "refused" }>;

export type LinkOptions = {
  /** The edge's origin. */
  url: URL;
  /** The token to show on the next connection. */
  token: () => Promise<string>;
  /** What to say on each connection: everything that is, so that nothing need be remembered of the last one. */
  hello: () => Hello;
  onWelcome: (welcome: Welcome) => void;
  onFrame: (frame: Frame<LinkFrame>) => void;
  onLost: () => void;
  /** Another agent has this workspace's link: dialling again would take it back, and so on for ever. */
  onReplaced: () => void;
  /** The edge will not have this agent, and says why: dialling again would change nothing. */
  onRefused: (why: BerthError) => void;
  log: { info: (context: object, message: string) => void; warn: (context: object, message: string) => void };
  random: () => number;
};

/** For these reasons an edge goes on refusing, however often it is asked. */
const FOR_GOOD = ["agent_revoked", "protocol_mismatch"] as const satisfies ProblemCode[];
const isForGood = (code: string): code is (typeof FOR_GOOD)[number] => FOR_GOOD.some((each) => each === code);

/** An idle WebSocket is cut after about 100 s (design 4); an edge that misses a pong for 10 s is gone. Milliseconds. */
const PING_INTERVAL_MS = 15_000;
const PONG_TIMEOUT_MS = 10_000;
/** After a machine's sleep, or under its load, the timer comes before the pong that lies there already: milliseconds more. */
const LAST_LOOK_MS = 1_000;
/** The edge's close code for a link that another agent has taken (contract/README.md). */
const CLOSED_REPLACED = 4000;

/** Nobody is there where no connection is made within this time; milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;
/**
 * An edge that was reached may have all its agents to answer at once, as after a deploy: whoever hung up on it and dialled
 * anew would only make it more. Milliseconds.
 */
const ANSWER_TIMEOUT_MS = 60_000;

/** Pauses between attempts: doubled from the first to the longest, each drawn from its upper half. Milliseconds. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 15_000;

/** The pause before attempt `attempt` (0 is the first after a loss): jittered, so that a deploy's agents spread out. */
export function reconnectPause(attempt: number, random: () => number): number {
  const ceiling = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
  return ceiling / 2 + (ceiling / 2) * random();
}

/** The agent's one outbound WebSocket: dialled, greeted, kept alive, dialled again, until disposed. */
export class Link implements AsyncDisposable {
  readonly #options: LinkOptions;
  readonly #stop = new AbortController();
  #socket: WebSocket | undefined;
  #running: Promise<void> | undefined;
  /** Hello has been said on the socket that is open: what changes from then on is to be told. */
  #greeted = false;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Starts dialling; returns at once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Dropped when the link is down: the next hello says it anew. */
  send(head: AgentFrame, payload?: Uint8Array): void {
    if (this.#greeted) this.#socket?.send(encodeFrame(head, payload));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#socket?.close(1001, "the agent stops");
    this.#socket?.terminate();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let attempt = 0;
    while (!signal.aborted) {
      const wasOnline = await this.#dial();
      if (signal.aborted) return;
      attempt = wasOnline ? 0 : attempt + 1;
      const pause = reconnectPause(attempt, this.#options.random);
      await delay(pause, undefined, { signal }).catch(() => undefined);
    }
  }

  async #dial(): Promise<boolean> {
    try {
      return await this.#connect(await this.#options.token());
    } catch (error) {
      this.#options.log.warn({ error: String(error) }, "cannot read the agent's token");
      return false;
    }
  }

  /** Ends the link for good. */
  #refuse(why: BerthError): void {
    this.#stop.abort();
    this.#options.onRefused(why);
  }

  /** The edge has refused the hello. What is wrong with what it says may be right the next time. */
  #refused({ code, message }: Extract<EdgeFrame, { type: "refused" }>): void {
    if (isForGood(code)) this.#refuse(new BerthError(code, message));
    else this.#options.log.warn({ code, error: message }, "the edge does not take the link");
  }

  /** The edge has answered the upgrade with no upgrade; it says for what reason. */
  async #turnedAway(response: IncomingMessage): Promise<void> {
    const problem = Problem.safeParse(await json(response).catch(() => undefined)).data;
    const why = problem?.detail ?? `the edge answered ${response.statusCode}`;
    if (problem !== undefined && isForGood(problem.code)) this.#refuse(BerthError.from(problem));
    else
      this.#options.log.warn({ status: response.statusCode, error: why }, "the edge does not take the link");
  }

  /** One connection from dialling to its end; true when it had been welcomed. */
  #connect(token: string): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const url = new URL("/agent/link", this.#options.url);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, {
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
      handshakeTimeout: ANSWER_TIMEOUT_MS,
      maxPayload: 0,
      finishRequest: (request: ClientRequest) => {
        endUnlessConnected(request);
        request.end();
      },
    });
    this.#socket = socket;
    const heartbeat = new Heartbeat(socket);
    let welcomed = false;
    socket.on("open", () => {
      socket.send(encodeFrame(this.#options.hello()));
      this.#greeted = true;
      heartbeat.start();
    });
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      heartbeat.heard();
      const text = isBinary ? data : data.toString();
      if (text === PONG) return;
      const frame = readFrame(text);
      if (frame instanceof Error) {
        this.#options.log.warn(
          { error: frame.message },
          "the edge sent a frame that does not fit the protocol",
        );
        socket.terminate();
      } else if (frame.head.type === "refused") {
        this.#refused(frame.head);
        socket.terminate();
      } else if (frame.head.type === "welcome") {
        if (frame.head.protocol !== PROTOCOL_VERSION) {
          this.#refuse(mismatch(frame.head.protocol));
          socket.terminate();
          return;
        }
        welcomed = true;
        this.#options.onWelcome(frame.head);
      } else this.#options.onFrame({ head: frame.head, payload: frame.payload });
    });
    socket.on("unexpected-response", (_request, response) => {
      // From here on the socket is this listener's to end (ws, doc/ws.md).
      void this.#turnedAway(response).finally(() => {
        socket.terminate();
        resolve(false);
      });
    });
    socket.on("error", (error) => {
      this.#options.log.warn({ error: error.message }, "cannot reach the edge");
    });
    socket.on("close", (code) => {
      heartbeat.stop();
      this.#greeted = false;
      if (welcomed) {
        this.#options.log.info({ code }, "the link is down");
        this.#options.onLost();
      }
      if (code === CLOSED_REPLACED) {
        this.#stop.abort();
        this.#options.onReplaced();
      }
      resolve(welcomed);
    });
    return promise;
  }
}

function endUnlessConnected(request: ClientRequest): void {
  const timer = setTimeout(() => {
    request.destroy(new Error(`no connection within ${CONNECT_TIMEOUT_MS / 1000} s`));
  }, CONNECT_TIMEOUT_MS);
  request.once("socket", (socket) => socket.once("connect", () => clearTimeout(timer)));
  request.once("close", () => clearTimeout(timer));
}

/** An edge that does not refuse the other version by itself. */
function mismatch(protocol: number): BerthError {
  const upgrade = protocol < PROTOCOL_VERSION ? "edge" : "agent";
  const said = `the edge speaks protocol ${protocol}, this agent ${PROTOCOL_VERSION}: upgrade the ${upgrade}`;
  return new BerthError("protocol_mismatch", said);
}

function readFrame(message: string | Buffer): Frame<EdgeFrame> | Error {
  try {
    return decodeFrame(EdgeFrame, message, isRequest);
  } catch (error) {
    return error as Error;
  }
}

/** Pings while the link idles, and ends a connection whose other side has fallen silent. */
class Heartbeat {
  readonly #socket: WebSocket;
  #interval: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  start(): void {
    this.#interval = setInterval(() => {
      this.#socket.send(PING);
      this.#deadline ??= setTimeout(() => this.#lookOnce(), PONG_TIMEOUT_MS);
    }, PING_INTERVAL_MS);
  }

  /** Whatever the edge says is a sign of life. */
  heard(): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }

  stop(): void {
    clearInterval(this.#interval);
    clearTimeout(this.#deadline);
  }

  #lookOnce(): void {
    this.#deadline = setTimeout(() => this.#socket.terminate(), LAST_LOOK_MS);
  }
}

import {
  type AgentFrame,
  decodeFrame,
  EdgeFrame,
  encodeFrame,
  type Frame,
  PING,
  PONG,
} from "../../../contract/frames.ts";
import { streamId } from "../../../contract/ids.ts";
import type { SessionReport } from "../../../contract/session.ts";
import { PROTOCOL_VERSION } from "../../../contract/version.ts";
import { asAgent, ask, CONSOLE } from "./edge.ts";
import { service } from "./samples.ts";

type Hello = Extract<AgentFrame, { type: "hello" }>;
type Type = EdgeFrame["type"];
type FrameOf<Name extends Type> = Frame<Extract<EdgeFrame, { type: Name }>>;
type Waiter = { fits: (frame: Frame<EdgeFrame>) => boolean; resolve: (frame: Frame<EdgeFrame>) => void };

const hello = (changes: Partial<Hello>): Hello => ({
  type: "hello",
  protocol: PROTOCOL_VERSION,
  agent: { version: "0.1.0", host: "workspace", user: "ana" },
  services: [service()],
  resources: [],
  sessions: [],
  ...changes,
});

/** An agent that speaks the real protocol with the Worker, and does nothing that the test does not tell it to. */
export class TestAgent implements AsyncDisposable {
  /** How the edge closed the link. */
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #socket: WebSocket;
  readonly #untaken: Frame<EdgeFrame>[] = [];
  readonly #waiters: Waiter[] = [];
  readonly #pongs: (() => void)[] = [];

  private constructor(socket: WebSocket, deaf: boolean) {
    this.#socket = socket;
    const { promise, resolve } = Promise.withResolvers<{ code: number; reason: string }>();
    this.closed = promise;
    socket.binaryType = "arraybuffer";
    // Half open: the runtime would answer the edge's close by itself.
    socket.accept({ allowHalfOpen: true });
    socket.addEventListener("message", ({ data }) => this.#receive(data));
    socket.addEventListener("close", ({ code, reason }) => {
      resolve({ code, reason });
      if (!deaf) socket.close();
    });
  }

  /**
   * Opens the link's WebSocket and says nothing.
   * @param options.deaf never answers a close, as behind a network that is down
   * @param options.headers what it shows, the local instance's agent token unless told; see `enrolment`
   */
  static async dial(
    options: { deaf?: boolean; headers?: Readonly<Record<string, string>> } = {},
  ): Promise<TestAgent> {
    const { headers = asAgent } = options;
    const response = await ask(`${CONSOLE}/agent/link`, { headers: { ...headers, upgrade: "websocket" } });
    if (response.webSocket === null) throw new Error(`the edge answered ${response.status}`);
    return new TestAgent(response.webSocket, options.deaf ?? false);
  }

  /** Opens the link, says hello, and takes the welcome. */
  static async connect(
    changes: Partial<Hello> = {},
    options: { headers?: Readonly<Record<string, string>> } = {},
  ): Promise<TestAgent> {
    const agent = await TestAgent.dial(options);
    agent.hello(changes);
    await agent.next("welcome");
    return agent;
  }

  hello(changes: Partial<Hello> = {}): void {
    this.send(hello(changes));
  }

  send(head: AgentFrame, payload?: Uint8Array): void {
    this.#socket.send(encodeFrame(head, payload));
  }

  /** Sends what need not be a frame at all. */
  sendRaw(message: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(message);
  }

  /** Reports, and waits until the edge has taken it in. */
  async report(report: SessionReport): Promise<void> {
    this.send({ type: "report", report });
    await this.untaken();
  }

  /** Resolves when the edge's runtime has answered the heartbeat. */
  async ping(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#pongs.push(resolve);
    this.#socket.send(PING);
    return promise;
  }

  /** Takes the next frame of a type, out of those that were not taken yet. */
  next<Name extends Type>(type: Name): Promise<FrameOf<Name>> {
    return this.#take(({ head }) => head.type === type) as Promise<FrameOf<Name>>;
  }

  /**
   * What the edge has sent until now and nobody took. The edge answers a segment of a stream that is not open with an
   * abort, and the link keeps its order: behind that abort nothing older is on its way.
   */
  async untaken(): Promise<EdgeFrame[]> {
    const id = streamId((bytes) => crypto.getRandomValues(bytes));
    this.send({ type: "segment", id, seq: 1, end: false });
    await this.#take(({ head }) => head.type === "abort" && head.id === id);
    return this.#untaken.map(({ head }) => head);
  }

  /** Leaves. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close(1001);
    await this.closed;
  }

  #take(fits: Waiter["fits"]): Promise<Frame<EdgeFrame>> {
    const index = this.#untaken.findIndex(fits);
    const [frame] = index === -1 ? [] : this.#untaken.splice(index, 1);
    if (frame !== undefined) return Promise.resolve(frame);
    return new Promise((resolve) => {
      this.#waiters.push({ fits, resolve });
    });
  }

  #receive(data: string | ArrayBuffer): void {
    if (data === PONG) {
      this.#pongs.shift()?.();
      return;
    }
    const frame = decodeFrame(EdgeFrame, data);
    const index = this.#waiters.findIndex(({ fits }) => fits(frame));
    const [waiter] = index === -1 ? [] : this.#waiters.splice(index, 1);
    if (waiter === undefined) this.#untaken.push(frame);
    else waiter.resolve(frame);
  }
}

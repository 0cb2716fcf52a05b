import { type AgentFrame, FRAME_PAYLOAD, FRAME_WINDOW } from "../../contract/frames.ts";
import { BerthError, type ProblemCode } from "../../contract/problem.ts";
import type { HeaderList } from "./header-list.ts";
import type { RequestBody } from "./request-body.ts";

type ResponseHead = Extract<AgentFrame, { type: "response" }>;
type FailHead = Extract<AgentFrame, { type: "fail" }>;

/** What an answer needs of the world around it. */
export type AnswerHooks = {
  /** Makes the browser's headers of the service's. */
  mapHeaders: (headers: HeaderList) => HeaderList;
  /** The browser has taken this many bytes of the segments that came as frames. */
  onTaken: (bytes: number) => void;
  /** Nobody reads any more; the upstream request is to end. Called at most once, and never after a regular end. */
  onAbandoned: () => void;
  /** The answer is over, well or not. */
  onOver: () => void;
};

const FAILURES = {
  refused: "bad_gateway",
  broken: "bad_gateway",
  timeout: "upstream_timeout",
  not_found: "unknown_session",
  busy: "too_many_streams",
} as const satisfies Record<FailHead["code"], ProblemCode>;

/** A page's requests are answered in less. Seconds. */
const BUSY_RETRY_S = 5;

/** What an agent that keeps to the window may have under way at most: the window may be passed by one frame. */
const MOST_HELD = FRAME_WINDOW + FRAME_PAYLOAD;

const WITHOUT_BODY = new Set([204, 205, 304]);

/**
 * The answer to one relayed request: a head and a row of numbered segments, which come as frames on the link or as
 * the bodies of POSTs (design 4) and are joined in their order. A POST's body is piped through by the runtime.
 */
export class Answer {
  readonly response: Promise<Response>;
  /** The request's body, for the agent to fetch; null when there is none, or when it has been fetched. */
  requestBody: RequestBody | null;
  readonly #hooks: AnswerHooks;
  readonly #method: string;
  readonly #isUpgrade: boolean;
  readonly #settle: { resolve: (response: Response) => void; reject: (error: Error) => void };
  readonly #turns = new Map<number, () => void>();
  #next = 0;
  /** The segment whose turn it is has come. */
  #isPassing = false;
  /** Bytes of frames that have come and that the browser has not taken. */
  #held = 0;
  #hasHead = false;
  #body: WritableStream<Uint8Array> | undefined;
  /** Why the answer stopped in the middle: whoever holds the body then breaks it when it lets go. */
  #failure: BerthError | undefined;
  #over = false;

  /** @param request.isUpgrade tells whether the browser asked for a WebSocket */
  constructor(request: { method: string; isUpgrade: boolean; body: RequestBody | null }, hooks: AnswerHooks) {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    this.response = promise;
    this.#settle = { resolve, reject };
    this.#method = request.method;
    this.#isUpgrade = request.isUpgrade;
    this.requestBody = request.body;
    this.#hooks = hooks;
  }

  /** The head, with segment 0. Undefined for an answer that is whole with it, as most are: nothing is to be waited for. */
  begin(head: ResponseHead, payload: Uint8Array): Promise<void> | undefined {
    if (this.#hasHead) return this.#misbehave();
    this.#hasHead = true;
    const isWithoutBody = this.#method === "HEAD" || WITHOUT_BODY.has(head.status);
    if (isWithoutBody || head.end) {
      if (this.#respond(head, isWithoutBody ? null : payload)) this.#end();
      return undefined;
    }
    const { readable, writable } =
      head.length === null ? new IdentityTransformStream() : new FixedLengthStream(head.length);
    if (!this.#respond(head, readable)) return undefined;
    this.#body = writable;
    return this.segment(0, payload, false);
  }

  /** A segment that came as a frame. */
  async segment(seq: number, payload: Uint8Array, end: boolean): Promise<void> {
    this.#held += payload.byteLength;
    if (!this.#isFree(seq) || payload.byteLength > FRAME_PAYLOAD || this.#held > MOST_HELD)
      return this.#misbehave();
    await this.#turn(seq);
    const body = this.#body;
    if (body === undefined || this.#over) return;
    const writer = body.getWriter();
    try {
      if (payload.byteLength > 0) {
        await writer.write(payload);
        this.#held -= payload.byteLength;
        this.#hooks.onTaken(payload.byteLength);
      }
      if (end && !this.#over) {
        await writer.close();
        this.#end();
      }
    } catch {
      // The reader is gone, or the service sent another length than it had said.
      this.abandon();
      return;
    } finally {
      writer.releaseLock();
    }
    await this.#advance(body);
  }

  /**
   * A segment that came as a POST: resolves when the browser has taken all of it.
   * @throws BerthError `not_found` when the browser is gone, or the POST's body breaks
   */
  async post(seq: number, segment: ReadableStream<Uint8Array>): Promise<void> {
    if (!this.#isFree(seq)) {
      await this.#misbehave();
      throw unread();
    }
    await this.#turn(seq);
    const body = this.#body;
    if (body === undefined || this.#over) throw unread();
    try {
      await segment.pipeTo(body, { preventClose: true });
    } catch (error) {
      this.abandon();
      throw unread(error);
    }
    await this.#advance(body);
    if (this.#over) throw unread();
  }

  /**
   * The agent has accepted the WebSocket: both ends of one pair are coupled by the runtime.
   * @throws BerthError `invalid_request` when the browser asked for none
   */
  upgrade(protocol: string | null): Response {
    if (!this.#isUpgrade) throw new BerthError("invalid_request", "this request asked for no WebSocket");
    const { 0: browser, 1: agent } = new WebSocketPair();
    const headers: Record<string, string> = protocol === null ? {} : { "sec-websocket-protocol": protocol };
    this.#settle.resolve(new Response(null, { status: 101, webSocket: browser, headers }));
    this.#end();
    return new Response(null, { status: 101, webSocket: agent, headers });
  }

  /** The agent could not get an answer, or not the rest of it. */
  async fail(head: FailHead): Promise<void> {
    const retryAfter = head.code === "busy" ? BUSY_RETRY_S : undefined;
    await this.#break(new BerthError(FAILURES[head.code], head.message, { retryAfter }));
  }

  /** The link is gone: what has begun breaks, what has not is answered with an error. */
  async lose(): Promise<void> {
    await this.#break(
      new BerthError("agent_offline", "the workspace's agent disconnected while it was answering"),
    );
  }

  /** The browser is gone. */
  abandon(): void {
    if (this.#over) return;
    this.#end();
    this.#settle.reject(new BerthError("bad_gateway", "the browser is gone"));
    // Nobody may be waiting for the response any more.
    this.response.catch(() => undefined);
    this.#hooks.onAbandoned();
  }

  /** What a service sends need not be a header at all (RFC 9110, section 5.5): false then, and the answer is over. */
  #respond(head: ResponseHead, body: ReadableStream | Uint8Array | null): boolean {
    try {
      const response = new Response(body, { status: head.status, encodeBody: "manual" });
      // Into its own: to make a list or an object of them the runtime's takes twice as long (bench/README.md).
      const { headers } = response;
      for (const [name, value] of this.#hooks.mapHeaders(head.headers)) headers.append(name, value);
      this.#settle.resolve(response);
      return true;
    } catch (cause) {
      this.#giveUp(new BerthError("bad_gateway", "the application sent a malformed header", { cause }));
      this.#hooks.onAbandoned();
      return false;
    }
  }

  #giveUp(error: BerthError): void {
    this.#failure = error;
    this.#end();
    this.#settle.reject(error);
    this.response.catch(() => undefined);
  }

  async #break(error: BerthError): Promise<void> {
    if (this.#over) return;
    this.#giveUp(error);
    if (this.#body !== undefined && !this.#body.locked) await breakOff(this.#body, error);
  }

  /** What an agent that keeps to the protocol does not do: a second head, a segment twice, more than the window holds. */
  async #misbehave(): Promise<void> {
    if (this.#over) return;
    await this.#break(new BerthError("bad_gateway", "the workspace's agent did not keep to the protocol"));
    this.#hooks.onAbandoned();
  }

  /** No segment of this number has come yet; the first is the head's. */
  #isFree(seq: number): boolean {
    if (seq === 0 && !this.#hasHead) return false;
    return seq > this.#next ? !this.#turns.has(seq) : seq === this.#next && !this.#isPassing;
  }

  async #turn(seq: number): Promise<void> {
    if (seq !== this.#next) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#turns.set(seq, resolve);
      await promise;
    }
    this.#isPassing = true;
  }

  /** The body is free for the next segment, if there is to be one. */
  async #advance(body: WritableStream<Uint8Array>): Promise<void> {
    if (this.#failure !== undefined) await breakOff(body, this.#failure);
    this.#isPassing = false;
    this.#next += 1;
    this.#turns.get(this.#next)?.();
    this.#turns.delete(this.#next);
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    for (const wake of this.#turns.values()) wake();
    this.#turns.clear();
    this.#hooks.onOver();
  }
}

const unread = (cause?: unknown): BerthError =>
  new BerthError("not_found", "nobody reads this answer any more", { cause });

/** The reader sees an error where the rest should be: half an answer must not pass for a whole one. */
async function breakOff(body: WritableStream<Uint8Array>, error: BerthError): Promise<void> {
  // It fails when the reader has gone.
  await body.abort(error).catch(() => undefined);
}

import type { AgentFrame, EdgeFrame, Frame, Target } from "../../contract/frames.ts";
import { type StreamId, streamId } from "../../contract/ids.ts";
import { BerthError } from "../../contract/problem.ts";
import { Answer } from "../relay/answer.ts";
import { Departures } from "../relay/departures.ts";
import type { HeaderList } from "../relay/header-list.ts";
import { passOn, type RequestBody } from "../relay/request-body.ts";

/** A request as the agent is to make it. */
export type RelayedRequest = {
  target: Target;
  /** Whom the answer is for; see `visitorKey`. */
  visitor: string;
  method: string;
  path: string;
  headers: HeaderList;
  body: ReadableStream<Uint8Array> | null;
  /** The body's length, where the browser said it. */
  length: number | null;
  /** What fires when the browser is gone; see `Departures`. */
  signal: () => AbortSignal;
  mapHeaders: (headers: HeaderList) => HeaderList;
};

type Send = (head: EdgeFrame, payload?: Uint8Array) => boolean;

/** Random bytes in stock: to fill each few by themselves costs a buffer outside of the heap every time. */
const stock = new Uint8Array(4096);
let left = 0;

function random(bytes: Uint8Array<ArrayBuffer>): Uint8Array {
  if (left < bytes.length) left = crypto.getRandomValues(stock).length;
  left -= bytes.length;
  for (let index = 0; index < bytes.length; index++) bytes[index] = stock[left + index] ?? 0;
  return bytes;
}

/** A body up to this size travels in the request's frame: one fetch less for a form or a saved cell. */
const INLINE_BODY = 65_536;

/** The answers that a workspace's agent is working on. */
export class Answers {
  readonly #open = new Map<string, Answer>();
  readonly #departures = new Departures();
  readonly #send: Send;
  #hasCoupled = false;

  constructor(send: Send) {
    this.#send = send;
  }

  /**
   * Relays a request and resolves with the answer's head, its body still streaming.
   * @throws BerthError `agent_offline`, `bad_gateway`, `upstream_timeout`
   */
  request(request: RelayedRequest): Promise<Response> {
    const { body, length } = request;
    if (body === null) return this.#ask(request, { kind: "none" });
    if (length === null || length > INLINE_BODY)
      return this.#ask(request, { kind: "stream", stream: { stream: body, length } });
    return this.#askInline(request, body);
  }

  async #askInline(request: RelayedRequest, body: ReadableStream<Uint8Array>): Promise<Response> {
    const payload = new Uint8Array(await new Response(body).arrayBuffer());
    return this.#ask(request, { kind: payload.byteLength > 0 ? "inline" : "none", payload });
  }

  #ask(
    request: RelayedRequest,
    body: { kind: "none" | "inline" | "stream"; stream?: RequestBody; payload?: Uint8Array },
  ): Promise<Response> {
    const { target, visitor, method, path, headers } = request;
    const { id, answer } = this.#add(request, { isUpgrade: false, body: body.stream ?? null });
    const head = { type: "request", id, target, visitor, method, path, headers, body: body.kind } as const;
    if (!this.#send(head, body.payload)) void answer.lose();
    return answer.response;
  }

  /** Relays a WebSocket's upgrade; resolves with the 101, or with what the service said instead. */
  async websocket(request: RelayedRequest): Promise<Response> {
    const { target, visitor, path, headers } = request;
    const { id, answer } = this.#add(request, { isUpgrade: true, body: null });
    if (!this.#send({ type: "websocket", id, target, visitor, path, headers })) await answer.lose();
    return answer.response;
  }

  /** Undefined for what is done at once. */
  receive({ head, payload }: Frame<Extract<AgentFrame, { id: string }>>): Promise<void> | undefined {
    const answer = this.#open.get(head.id);
    if (answer === undefined) {
      // The browser left while this was on its way. A failed answer needs no second word.
      if (head.type !== "fail" && !(head.type === "response" && head.end))
        this.#send({ type: "abort", id: head.id });
      return undefined;
    }
    switch (head.type) {
      case "response":
        return answer.begin(head, payload);
      case "segment":
        return answer.segment(head.seq, payload, head.end);
      case "fail":
        return answer.fail(head);
      default:
        return head satisfies never;
    }
  }

  /** `/agent/streams/<id>`: GET takes the request's body, POST brings a segment, an upgrade is the WebSocket. */
  async stream(id: string, request: Request): Promise<Response> {
    const answer = this.#open.get(id);
    if (answer === undefined) throw new BerthError("not_found", "nobody reads this stream any more");
    if (request.headers.get("upgrade")?.toLowerCase() === "websocket") {
      this.#hasCoupled = true;
      return answer.upgrade(request.headers.get("sec-websocket-protocol"));
    }
    if (request.method === "GET") {
      const body = answer.requestBody;
      if (body === null) throw new BerthError("not_found", "this request has no body left to fetch");
      answer.requestBody = null;
      return new Response(passOn(body), { headers: { "content-type": "application/octet-stream" } });
    }
    const seq = Number(new URL(request.url).searchParams.get("seq"));
    if (request.method !== "POST" || request.body === null || !Number.isSafeInteger(seq) || seq < 1) {
      throw new BerthError("invalid_request", "a segment comes as POST with a seq and a body");
    }
    await answer.post(seq, request.body as ReadableStream<Uint8Array>);
    return new Response(null, { status: 204 });
  }

  /** Whether a WebSocket was ever coupled in this object's life: it may still be open, and the object holds neither end. */
  get hasCoupled(): boolean {
    return this.#hasCoupled;
  }

  /** The link is gone: every open answer ends. */
  async lose(): Promise<void> {
    await Promise.all([...this.#open.values()].map((answer) => answer.lose()));
  }

  #add(
    request: RelayedRequest,
    how: { isUpgrade: boolean; body: RequestBody | null },
  ): { id: StreamId; answer: Answer } {
    const id = streamId(random);
    const answer = new Answer(
      { method: request.method, ...how },
      {
        mapHeaders: request.mapHeaders,
        onTaken: (bytes) => this.#send({ type: "ack", id, bytes }),
        onAbandoned: () => this.#send({ type: "abort", id }),
        onOver: () => {
          this.#open.delete(id);
          this.#departures.forget(answer);
        },
      },
    );
    this.#open.set(id, answer);
    this.#departures.watch(answer, request.signal);
    return { id, answer };
  }
}

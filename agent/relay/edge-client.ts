import { once } from "node:events";
import {
  Agent as HttpAgent,
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
  type RequestOptions,
} from "node:http";
import { request as httpsRequest, Agent as HttpsAgent } from "node:https";
import type { Readable } from "node:stream";
import type { AgentFrame } from "../../contract/frames.ts";
import type { StreamId } from "../../contract/ids.ts";
import type { EdgeChannel, PostSegment } from "./edge-channel.ts";

/**
 * Bytes of a segment that may wait in this process. Node's own mark, 64 KiB, is one read of a service's answer: reading
 * and writing would take turns instead of going on side by side.
 */
const SEGMENT_HIGH_WATER = 1_048_576;

/** The agent's requests to the edge: one for each bulk segment, one for each body to fetch. */
export class EdgeClient implements EdgeChannel, Disposable {
  readonly #url: URL;
  readonly #token: () => string;
  readonly #sendFrame: (head: AgentFrame, payload?: Uint8Array) => void;
  readonly #agent: HttpAgent;

  /** @param token the agent's token as it is now, shown on every request */
  constructor(url: URL, token: () => string, sendFrame: (head: AgentFrame, payload?: Uint8Array) => void) {
    this.#url = url;
    this.#token = token;
    this.#sendFrame = sendFrame;
    this.#agent =
      url.protocol === "https:" ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  }

  send(head: AgentFrame, payload?: Uint8Array): void {
    this.#sendFrame(head, payload);
  }

  /** The body of a browser's request, streaming. Rejects when the browser has gone. */
  async body(id: StreamId): Promise<Readable> {
    const request = this.#make(`/agent/streams/${id}`, { method: "GET", headers: this.#headers });
    request.end();
    // Once there is an answer, what goes wrong is told by its stream.
    request.on("error", () => undefined);
    const [response] = (await once(request, "response")) as [IncomingMessage];
    if (response.statusCode === 200) return response;
    response.resume();
    throw new Error(`the edge has no body for this request (${response.statusCode})`);
  }

  /** Where the edge takes its end of a relayed WebSocket. */
  socket(id: string): { url: string; headers: Record<string, string> } {
    const url = new URL(`/agent/streams/${id}`, this.#url);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    return { url: url.href, headers: this.#headers };
  }

  post(
    id: StreamId,
    seq: number,
    options: { length: number | null; onDrain: () => void; onError: (error: Error) => void },
  ): PostSegment {
    const length = options.length === null ? {} : { "content-length": String(options.length) };
    const done = Promise.withResolvers<void>();
    done.promise.catch(() => undefined);
    const request = this.#make(`/agent/streams/${id}?seq=${seq}`, {
      method: "POST",
      headers: { ...this.#headers, ...length, "content-type": "application/octet-stream" },
    });
    let isOver = false;
    const fail = (error: Error): void => {
      if (isOver) return;
      isOver = true;
      done.reject(error);
      options.onError(error);
    };
    request.on("drain", options.onDrain);
    request.on("error", fail);
    request.on("response", (response) => {
      response.resume();
      if (response.statusCode !== 204) {
        fail(new Error(`the edge did not take a segment (${response.statusCode})`));
        request.destroy();
        return;
      }
      isOver = true;
      done.resolve();
    });
    return {
      write: (chunk) => {
        request.write(chunk);
        return request.writableLength < SEGMENT_HIGH_WATER;
      },
      end: () => {
        request.end();
        return done.promise;
      },
      abort: () => {
        isOver = true;
        request.destroy();
      },
    };
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  get #headers(): Record<string, string> {
    return { authorization: `Bearer ${this.#token()}` };
  }

  #make(path: string, options: RequestOptions): ClientRequest {
    const make = this.#url.protocol === "https:" ? httpsRequest : httpRequest;
    return make(new URL(path, this.#url), { ...options, agent: this.#agent });
  }
}

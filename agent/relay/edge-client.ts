import { request as httpRequest, Agent as HttpAgent } from "node:http";
import { request as httpsRequest, Agent as HttpsAgent } from "node:https";
import type { Readable } from "node:stream";
import { Pool } from "undici";
import type { AgentFrame } from "../../contract/frames.ts";
import type { StreamId } from "../../contract/ids.ts";
import type { EdgeChannel, PostSegment } from "./edge-channel.ts";

/** The agent's requests to the edge: one for each bulk segment, one for each body to fetch. */
export class EdgeClient implements EdgeChannel, AsyncDisposable {
  readonly #url: URL;
  readonly #headers: Record<string, string>;
  readonly #sendFrame: (head: AgentFrame, payload?: Uint8Array) => void;
  readonly #pool: Pool;
  readonly #agent: HttpAgent;

  /** @param token the agent's token, shown on every request */
  constructor(url: URL, token: string, sendFrame: (head: AgentFrame, payload?: Uint8Array) => void) {
    this.#url = url;
    this.#headers = { authorization: `Bearer ${token}` };
    this.#sendFrame = sendFrame;
    this.#pool = new Pool(url.origin, { connections: null, headersTimeout: 0, bodyTimeout: 0 });
    this.#agent =
      url.protocol === "https:" ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  }

  send(head: AgentFrame, payload?: Uint8Array): void {
    this.#sendFrame(head, payload);
  }

  /** The body of a browser's request, streaming. Rejects when the browser has gone. */
  async body(id: StreamId): Promise<Readable> {
    const response = await this.#pool.request({
      path: `/agent/streams/${id}`,
      method: "GET",
      headers: this.#headers,
    });
    if (response.statusCode === 200) return response.body;
    await response.body.dump();
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
    const make = this.#url.protocol === "https:" ? httpsRequest : httpRequest;
    const length = options.length === null ? {} : { "content-length": String(options.length) };
    const done = Promise.withResolvers<void>();
    done.promise.catch(() => undefined);
    const request = make(new URL(`/agent/streams/${id}?seq=${seq}`, this.#url), {
      method: "POST",
      agent: this.#agent,
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
      write: (chunk) => request.write(chunk),
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

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    await this.#pool.destroy();
  }
}

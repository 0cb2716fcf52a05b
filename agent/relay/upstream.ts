import type { Readable } from "node:stream";
import { type Dispatcher, Pool } from "undici";
import type { EdgeFrame } from "../../contract/frames.ts";
import type { AnswerSender, AnswerSource } from "./answer.ts";
import { fromWire, toWire } from "./header-text.ts";
import { LOOPBACK } from "./loopback.ts";

type RequestHead = Extract<EdgeFrame, { type: "request" }>;

/** Methods that a service may safely see twice (RFC 9110, section 9.2.2). */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);

const REFUSED = new Set(["ECONNREFUSED", "ENOENT", "ECONNRESET", "EHOSTUNREACH"]);
const TIMEOUT = new Set(["UND_ERR_CONNECT_TIMEOUT", "UND_ERR_HEADERS_TIMEOUT", "ETIMEDOUT"]);

/** A service on loopback either accepts within this time or never; milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;

/** The connections to the services of this host, kept alive by port. */
export class Upstreams implements AsyncDisposable {
  readonly #pools = new Map<string, Pool>();

  pool(port: number, tls: boolean): Pool {
    const origin = `${tls ? "https" : "http"}://localhost:${port}`;
    let pool = this.#pools.get(origin);
    if (pool === undefined) {
      // A long poll or a slow computation may take its time: only the browser decides when to give up.
      pool = new Pool(origin, {
        connections: null,
        headersTimeout: 0,
        bodyTimeout: 0,
        connectTimeout: CONNECT_TIMEOUT_MS,
        connect: LOOPBACK,
        allowH2: false,
      });
      this.#pools.set(origin, pool);
    }
    return pool;
  }

  /** Ends the connections to a port: its session is over. */
  drop(port: number): void {
    for (const tls of [true, false]) {
      const origin = `${tls ? "https" : "http"}://localhost:${port}`;
      void this.#pools.get(origin)?.destroy();
      this.#pools.delete(origin);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
    this.#pools.clear();
  }
}

const codeOf = (error: Error): string => {
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === "string") return code;
  return error instanceof AggregateError ? codeOf(error.errors[0] as Error) : "";
};

const text = (value: Buffer | string | undefined): string =>
  fromWire(typeof value === "string" ? value : (value?.toString("latin1") ?? ""));

/** The headers as they came, which undici hands over as name, value, name, value. */
function pairs(raw: Dispatcher.DispatchController["rawHeaders"]): [string, string][] {
  const list: [string, string][] = [];
  if (!Array.isArray(raw)) return list;
  for (let index = 0; index + 1 < raw.length; index += 2) list.push([text(raw[index]), text(raw[index + 1])]);
  return list;
}

function lengthOf(method: string, headers: readonly [string, string][]): number | null {
  if (method === "HEAD") return null;
  const length = headers.find(([name]) => name.toLowerCase() === "content-length")?.[1];
  return length === undefined || !/^\d{1,16}$/.test(length) ? null : Number(length);
}

/** One request to a service, its answer given to a sender as it comes. */
export class UpstreamRequest implements AnswerSource {
  #controller: Dispatcher.DispatchController | undefined;
  #paused = false;
  #aborted = false;
  #body: Readable | undefined;

  /** @param request.body the whole body, a stream of it, or null */
  send(pool: Pool, head: RequestHead, body: Uint8Array | Readable | null, sender: AnswerSender): void {
    this.#body = body === null || body instanceof Uint8Array ? undefined : body;
    this.#dispatch(pool, head, body, sender, IDEMPOTENT.has(head.method) && this.#body === undefined);
  }

  #dispatch(
    pool: Pool,
    head: RequestHead,
    body: Uint8Array | Readable | null,
    sender: AnswerSender,
    mayRetry: boolean,
  ): void {
    const options: Dispatcher.DispatchOptions = {
      method: head.method,
      path: toWire(head.path),
      headers: head.headers.flat().map(toWire),
      body,
      // A request that waits for its answer must not hold others behind it on one connection.
      blocking: true,
    };
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: (controller) => {
        this.#controller = controller;
        if (this.#aborted) controller.abort(new Error("nobody reads the answer"));
      },
      onResponseStart: (controller, status) => {
        // 103 and its like are hints for this hop.
        if (status < 200) return;
        const headers = pairs(controller.rawHeaders);
        sender.head(status, headers, lengthOf(head.method, headers));
        if (this.#paused) controller.pause();
      },
      onResponseData: (_controller, chunk) => {
        sender.write(chunk);
      },
      onResponseEnd: () => {
        sender.end();
      },
      onResponseError: (_controller, error) => {
        if (this.#aborted) return;
        // A kept-alive connection that the service closes at this very moment is not the request's fault.
        if (
          mayRetry &&
          !sender.hasHead &&
          ["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"].includes(codeOf(error))
        ) {
          this.#dispatch(pool, head, body, sender, false);
          return;
        }
        this.#body?.destroy();
        const code = codeOf(error);
        const kind = REFUSED.has(code) ? "refused" : TIMEOUT.has(code) ? "timeout" : "broken";
        sender.fail(kind, describe(kind, head, error));
      },
    };
    try {
      pool.dispatch(options, handler);
    } catch (error) {
      sender.fail("broken", describe("broken", head, error as Error));
    }
  }

  pause(): void {
    this.#paused = true;
    this.#controller?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#controller?.resume();
  }

  abort(): void {
    this.#aborted = true;
    this.#body?.destroy();
    this.#controller?.abort(new Error("nobody reads the answer"));
  }
}

function describe(kind: "refused" | "timeout" | "broken", head: RequestHead, error: Error): string {
  const port = head.target.kind === "port" ? head.target.port : 0;
  if (kind === "refused") return `the application does not listen on port ${port}`;
  if (kind === "timeout") return `the application on port ${port} does not accept connections`;
  return `the application on port ${port} broke off: ${error.message}`;
}

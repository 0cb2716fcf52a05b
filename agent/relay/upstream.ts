import { Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as TlsAgent, request as httpsRequest } from "node:https";
import type { Readable } from "node:stream";
import type { EdgeFrame } from "../../contract/frames.ts";
import type { AnswerSender, AnswerSource } from "./answer.ts";
import { toWire } from "./header-text.ts";
import { LOOPBACK } from "./loopback.ts";
import { rawHeaders } from "./raw-headers.ts";
import type { Connect } from "./tunnel-agent.ts";
import { tunnelAgent } from "./tunnel-agent.ts";

type RequestHead = Extract<EdgeFrame, { type: "request" }>;

/** Methods that a service may safely see twice (RFC 9110, section 9.2.2). */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);

/** How a kept-alive connection fails that the service closes at the very moment of its next use. */
const STALE = new Set(["ECONNRESET", "EPIPE"]);

/** Where a session's service is reached: on this host's loopback, or through `connect` where it runs elsewhere. */
export type ServiceAddress = { port: number; connect: Connect | undefined };

/** The connections to the sessions' services, kept alive by workspace port. */
export class Upstreams implements Disposable {
  readonly #agents = new Map<string, Agent>();

  agent({ port, connect }: ServiceAddress, tls: boolean): Agent {
    const key = `${tls ? "tls" : "tcp"}:${port}`;
    let agent = this.#agents.get(key);
    if (agent === undefined) {
      if (connect !== undefined) agent = tunnelAgent(connect, tls);
      else if (tls) agent = new TlsAgent({ keepAlive: true, ...LOOPBACK });
      else agent = new Agent({ keepAlive: true, ...LOOPBACK });
      this.#agents.set(key, agent);
    }
    return agent;
  }

  /** Ends the connections to a port: its session is over. */
  drop(port: number): void {
    for (const key of [`tls:${port}`, `tcp:${port}`]) {
      this.#agents.get(key)?.destroy();
      this.#agents.delete(key);
    }
  }

  [Symbol.dispose](): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }
}

const codeOf = (error: Error): string => {
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === "string") return code;
  return error instanceof AggregateError ? codeOf(error.errors[0] as Error) : "";
};

function lengthOf(method: string, headers: readonly [string, string][]): number | null {
  if (method === "HEAD") return null;
  const length = headers.find(([name]) => name.toLowerCase() === "content-length")?.[1];
  return length === undefined || !/^\d{1,16}$/.test(length) ? null : Number(length);
}

/** One request to a service, its answer given to a sender as it comes. */
export class UpstreamRequest implements AnswerSource {
  #request: ClientRequest | undefined;
  #response: IncomingMessage | undefined;
  #body: Readable | undefined;
  #aborted = false;

  /** @param body the whole body, a stream of it, or null */
  send(agent: Agent, head: RequestHead, body: Uint8Array | Readable | null, sender: AnswerSender): void {
    this.#body = body === null || body instanceof Uint8Array ? undefined : body;
    if (this.#aborted) this.#body?.destroy();
    else this.#attempt(agent, head, body, sender, IDEMPOTENT.has(head.method) && this.#body === undefined);
  }

  pause(): void {
    this.#response?.pause();
  }

  resume(): void {
    this.#response?.resume();
  }

  abort(): void {
    this.#aborted = true;
    this.#body?.destroy();
    this.#request?.destroy();
  }

  #attempt(
    agent: Agent,
    head: RequestHead,
    body: Uint8Array | Readable | null,
    sender: AnswerSender,
    mayRetry: boolean,
  ): void {
    const fail = (error: Error): void => {
      if (this.#aborted) return;
      // A kept-alive connection that the service closes at this very moment is not the request's fault.
      if (mayRetry && this.#request?.reusedSocket === true && !sender.hasHead && STALE.has(codeOf(error))) {
        this.#attempt(agent, head, body, sender, false);
        return;
      }
      this.#body?.destroy();
      const isRefused = codeOf(error) === "ECONNREFUSED";
      sender.fail(isRefused ? "refused" : "broken", describe(head, error));
    };
    try {
      const request = open(agent, head, body);
      this.#request = request;
      request.on("error", fail);
      // Unheard, an unasked 101 would end the connection without a word, and the browser would wait for ever.
      request.on("upgrade", (_response, socket) => {
        socket.destroy();
        fail(new Error("it switched protocols, which nobody had asked for"));
      });
      request.on("response", (response) => this.#answer(head, response, sender, fail));
      this.#sendBody(request, body, fail);
    } catch (error) {
      fail(error as Error);
    }
  }

  #sendBody(
    request: ClientRequest,
    body: Uint8Array | Readable | null,
    onError: (error: Error) => void,
  ): void {
    if (body === null) request.end();
    else if (body instanceof Uint8Array) request.end(body);
    else {
      // The browser broke off: a part of a body must not look like the whole of it.
      body.on("error", (error) => {
        request.destroy();
        onError(error);
      });
      body.pipe(request);
    }
  }

  #answer(
    head: RequestHead,
    response: IncomingMessage,
    sender: AnswerSender,
    onError: (error: Error) => void,
  ): void {
    this.#response = response;
    const headers = rawHeaders(response);
    sender.head(response.statusCode ?? 502, headers, lengthOf(head.method, headers));
    response.on("data", (chunk: Buffer) => sender.write(chunk));
    response.on("error", onError);
    response.on("end", () => {
      sender.end();
      // A service may answer before it has read everything; the rest is not wanted then.
      if (this.#body?.readableEnded === false) this.abort();
    });
  }
}

function open(agent: Agent, head: RequestHead, body: Uint8Array | Readable | null): ClientRequest {
  const port = head.target.kind === "port" ? head.target.port : 0;
  const headers = head.headers.flat().map(toWire);
  const isSized = head.headers.some(([name]) => name === "content-length");
  if (body !== null && !isSized) headers.push("transfer-encoding", "chunked");
  const make = agent instanceof TlsAgent ? httpsRequest : httpRequest;
  const path = toWire(head.path);
  return make({ host: "localhost", port, agent, method: head.method, path, headers, ...LOOPBACK });
}

function describe(head: RequestHead, error: Error): string {
  const port = head.target.kind === "port" ? head.target.port : 0;
  if (codeOf(error) === "ECONNREFUSED") return `the application does not listen on port ${port}`;
  return `the application on port ${port} broke off: ${error.message}`;
}

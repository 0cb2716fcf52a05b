import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { AgentStatus, LoginLink } from "../contract/agent-status.ts";
import { BerthError, Problem } from "../contract/problem.ts";
import { ResourceView } from "../contract/resource.ts";
import { CatalogueEntry } from "../contract/service.ts";
import { type LaunchRequest, Session } from "../contract/session.ts";
import { type Config, readSecret } from "./config.ts";

/** The pause before a log whose stream broke is followed again, milliseconds. */
const AGAIN_MS = 1000;
/** Why there may be no stream just now. */
const PASSING: ReadonlySet<string> = new Set(["agent_offline", "bad_gateway", "edge_unreachable"]);

/** The edge's HTTP API, as the command line uses it. */
export class Api {
  readonly #edge: URL;
  readonly #token: string;

  private constructor(edge: URL, token: string) {
    this.#edge = edge;
    this.#token = token;
  }

  /** @throws BerthError `not_configured` when this machine has no token yet */
  static async open(config: Config): Promise<Api> {
    const token = await readSecret(config.home, "token");
    if (token === undefined) throw new BerthError("no_token", `no token is in ${config.home}`);
    return new Api(config.edge, token);
  }

  services(): Promise<CatalogueEntry[]> {
    return this.#json("GET", "/api/services", z.array(CatalogueEntry));
  }

  resources(): Promise<ResourceView[]> {
    return this.#json("GET", "/api/resources", z.array(ResourceView));
  }

  sessions(): Promise<Session[]> {
    return this.#json("GET", "/api/sessions", z.array(Session));
  }

  session(id: string): Promise<Session> {
    return this.#json("GET", `/api/sessions/${encodeURIComponent(id)}`, Session);
  }

  launch(request: z.input<typeof LaunchRequest>): Promise<Session> {
    return this.#json("POST", "/api/sessions", Session, request);
  }

  cancel(id: string): Promise<Session> {
    return this.#json("POST", `/api/sessions/${encodeURIComponent(id)}/cancel`, Session);
  }

  agent(): Promise<AgentStatus> {
    return this.#json("GET", "/api/agent", AgentStatus);
  }

  /** A link that logs one browser in, once, within ten minutes. */
  async loginLink(): Promise<string> {
    return (await this.#json("POST", "/api/login-links", LoginLink)).url;
  }

  /**
   * The log's bytes; with `follow` until the session has ended. What breaks a stream that is being followed, such as an
   * agent that starts again, is waited for: the next one goes on where it stopped.
   */
  async *logs(id: string, options: { follow: boolean; signal: AbortSignal }): AsyncGenerator<Uint8Array> {
    const { follow, signal } = options;
    const path = `/api/sessions/${encodeURIComponent(id)}/logs?follow=${follow ? 1 : 0}`;
    let offset: number | undefined;
    for (;;) {
      try {
        const from = offset === undefined ? {} : { "last-event-id": String(offset) };
        const { body } = await this.#fetch("GET", path, { signal, headers: from });
        offset ??= 0;
        for await (const bytes of body ?? []) {
          offset += bytes.length;
          yield bytes;
        }
        return;
      } catch (error) {
        const isLost = !(error instanceof BerthError) || PASSING.has(error.code);
        if (!follow || offset === undefined || !isLost || signal.aborted) throw error;
      }
      await delay(AGAIN_MS, undefined, { signal });
    }
  }

  async #json<Schema extends z.ZodType>(
    method: string,
    path: string,
    schema: Schema,
    body?: unknown,
  ): Promise<z.infer<Schema>> {
    const response = await this.#fetch(method, path, { body });
    return schema.parse(await response.json());
  }

  async #fetch(
    method: string,
    path: string,
    options: { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal } = {},
  ): Promise<Response> {
    const { body, signal } = options;
    const headers: Record<string, string> = { ...options.headers, authorization: `Bearer ${this.#token}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    const response = await fetch(new URL(path, this.#edge), {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ?? null,
    }).catch((cause: unknown) => {
      if (signal?.aborted === true) throw cause;
      throw new BerthError("edge_unreachable", `the edge does not answer at ${this.#edge.origin}`, { cause });
    });
    if (response.ok) return response;
    const problem = Problem.safeParse(await response.json().catch(() => undefined));
    if (problem.success) throw BerthError.from(problem.data);
    throw new BerthError("internal", `the edge answered ${response.status} to ${method} ${path}`);
  }
}

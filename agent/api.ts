import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { Me } from "../contract/account.ts";
import { AgentStatus, LoginLink } from "../contract/agent-status.ts";
import { BerthError, Problem } from "../contract/problem.ts";
import { ResourceView } from "../contract/resource.ts";
import { CatalogueEntry } from "../contract/service.ts";
import { type LaunchRequest, Session } from "../contract/session.ts";
import type { Config } from "./config.ts";
import { type EdgeAccess, edgeAccess } from "./edge-access.ts";
import { VERSION } from "./version.ts";

/** The pause before a log whose stream broke is followed again, milliseconds. */
const AGAIN_MS = 1000;
/** Why there may be no stream just now. */
const PASSING: ReadonlySet<string> = new Set(["agent_offline", "bad_gateway", "edge_unreachable"]);

/** The edge's HTTP API, as the command line uses it. */
export class Api {
  readonly #access: EdgeAccess;

  private constructor(access: EdgeAccess) {
    this.#access = access;
  }

  /** @throws BerthError `no_token` when this machine has no token for the edge */
  static async open(config: Config): Promise<Api> {
    return new Api(await edgeAccess(config));
  }

  static with(access: EdgeAccess): Api {
    return new Api(access);
  }

  get edge(): URL {
    return this.#access.edge;
  }

  me(): Promise<Me> {
    return this.#json("GET", "/api/me", Me);
  }

  /** Ends the token that this is done with. */
  async revokeOwnToken(): Promise<void> {
    const { token } = await this.me();
    if (token !== null) await this.#fetch("DELETE", `/api/tokens/${encodeURIComponent(token.id)}`);
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
    const answer = schema.safeParse(await response.json().catch(() => undefined));
    if (answer.success) return answer.data;
    const message = `${this.edge.origin} does not answer ${method} ${path} as Berth ${VERSION} does`;
    throw new BerthError("internal", message, { cause: answer.error });
  }

  async #fetch(
    method: string,
    path: string,
    options: { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal } = {},
  ): Promise<Response> {
    const { body, signal } = options;
    const { edge, token } = this.#access;
    const headers: Record<string, string> = { ...options.headers, authorization: `Bearer ${token}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    const response = await fetch(new URL(path, edge), {
      method,
      // A proxy's own login page is no answer of Berth's, and is not for the token.
      redirect: "manual",
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ?? null,
    }).catch((cause: unknown) => {
      if (signal?.aborted === true) throw cause;
      throw new BerthError("edge_unreachable", `the edge does not answer at ${edge.origin}`, { cause });
    });
    if (response.ok) return response;
    const problem = Problem.safeParse(await response.json().catch(() => undefined));
    if (problem.success) throw this.#errorOf(problem.data);
    const isSentOn = response.status >= 300 && response.status < 400;
    const why = isSentOn ? ": something in front of it may want a login of its own" : "";
    throw new BerthError("internal", `${edge.origin} answered ${response.status} to ${method} ${path}${why}`);
  }

  #errorOf(problem: Problem): BerthError {
    const { edge, by } = this.#access;
    const error = BerthError.from(problem);
    if (error.code !== "unauthorized" || by === "instance") return error;
    const which = by === "environment" ? "the token of BERTH_TOKEN" : "this token";
    const message = `${edge.origin} does not take ${which}: it is not one of its own, was revoked, or has ended`;
    return new BerthError("no_token", message, { cause: error });
  }
}

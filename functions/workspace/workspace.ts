import { DurableObject } from "cloudflare:workers";
import type { AgentFrame, EdgeFrame, Frame } from "../../contract/frames.ts";
import type { SessionId } from "../../contract/ids.ts";
import { BerthError } from "../../contract/problem.ts";
import type { Resource, ResourceView } from "../../contract/resource.ts";
import type { CatalogueEntry } from "../../contract/service.ts";
import { isEnded, type LaunchRequest, type Notification, type Session } from "../../contract/session.ts";
import { PROTOCOL_VERSION } from "../../contract/version.ts";
import { hmac, holdsToken } from "../auth/token.ts";
import { isApplication } from "../application.ts";
import type { Env } from "../env.ts";
import { hostsOf } from "../hosts.ts";
import { problemResponse } from "../problem-response.ts";
import { type Origin, originOf } from "../origin.ts";
import { TARGET_HEADER } from "../relay/path.ts";
import { proxy } from "../relay/proxy.ts";
import { logRequest } from "../relay/session-log.ts";
import { Answers } from "./answers.ts";
import type { AgentStatus, Result, WorkspaceApi } from "./api.ts";
import { Feed } from "./feed.ts";
import { Link } from "./link.ts";
import { planSession } from "./plan.ts";
import { Reports } from "./reports.ts";
import { resourceView } from "./resource-view.ts";
import { sessionView } from "./session-view.ts";
import { Store, type StoredSession } from "./store.ts";

/**
 * One user's workspace: what the user wants of each session, what the agent last said, and the relay between the
 * browser and the agent. Truth is in SQLite; only streams in flight live in memory, and they end with the object.
 */
export class Workspace extends DurableObject<Env> implements WorkspaceApi {
  readonly #store: Store;
  readonly #link: Link;
  readonly #answers: Answers;
  readonly #feed = new Feed(
    () => this.#isReachable(),
    () => this.#resources(),
  );
  readonly #reports: Reports;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new Store(ctx.storage.sql);
    this.#reports = new Reports(this.#store, this.#feed);
    this.#answers = new Answers((head, payload) => this.#link.send(head, payload));
    this.#link = new Link(ctx, {
      onHello: (hello) => this.#hello(hello),
      onFrame: (frame) => this.#receive(frame),
      onLost: () => this.#lost(),
    });
  }

  /** What the functions pass on as requests: the link, its streams, the proxy, and answers that are streams. */
  override async fetch(request: Request): Promise<Response> {
    try {
      return await this.#route(request);
    } catch (error) {
      if (error instanceof BerthError) return problemResponse(error);
      throw error;
    }
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    await this.#link.receive(socket, message);
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    await this.#link.lost(socket);
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    await this.#link.lost(socket);
  }

  async agent(): Promise<AgentStatus> {
    const { host = null, user = null, version = null } = this.#store.agent ?? {};
    return { online: this.#isReachable(), host, user, version };
  }

  async services(): Promise<CatalogueEntry[]> {
    return this.#store.catalogue;
  }

  async resources(): Promise<ResourceView[]> {
    return this.#resources();
  }

  async launch(
    request: LaunchRequest,
    key: string | null,
    host: string,
  ): Promise<Result<{ session: Session; created: boolean }>> {
    try {
      // Not the request itself, nor a plain hash of it: it may hold a password, and is kept as long as its session.
      const asked = await hmac(this.env.BERTH_COOKIE_SECRET ?? "", JSON.stringify(request));
      return { ok: true, value: this.#launch(request, key, asked, host) };
    } catch (error) {
      return failure(error);
    }
  }

  async sessions(host: string): Promise<Session[]> {
    return this.#store.sessions().map((stored) => this.#view(stored, host));
  }

  async session(id: string, host: string): Promise<Result<Session>> {
    const stored = this.#store.session(id);
    return stored === undefined ? failure(unknownSession(id)) : { ok: true, value: this.#view(stored, host) };
  }

  async cancel(id: string, host: string): Promise<Result<Session>> {
    const stored = this.#store.session(id);
    if (stored === undefined) return failure(unknownSession(id));
    if (!isEnded(stored.report?.state ?? "submitted") && stored.want !== "cancel") {
      this.#store.setWant(stored.spec.id, "cancel");
      this.#sendWant(stored.spec.id);
      this.#changed(stored.spec.id);
    }
    return this.session(id, host);
  }

  async notifications(): Promise<Notification[]> {
    return this.#store.notifications();
  }

  /** Keeps a one-time code's hash; see auth/code.ts. */
  async addCode(hash: string, purpose: string, lifetimeMs: number): Promise<void> {
    this.#store.addCode(hash, purpose, Date.now() + lifetimeMs, Date.now());
  }

  async takeCode(hash: string, purpose: string): Promise<boolean> {
    return this.#store.takeCode(hash, purpose, Date.now());
  }

  async #route(request: Request): Promise<Response> {
    if (isApplication(request) || request.headers.has(TARGET_HEADER))
      return this.#proxy(request, originOf(request.url));
    const url = new URL(request.url);
    const [, area, name = "", rest, last] = url.pathname.split("/", 5);
    if (area === "agent" && name === "link") return this.#link.accept(request);
    if (area === "agent" && name === "streams" && rest !== undefined)
      return this.#answers.stream(rest, request);
    if (area === "wait") return this.#wait(Number(name), url);
    if (area === "api" && name === "events")
      return this.#feed.follow(this.#store.sessions(), this.#viewFor(url));
    if (area === "api" && name === "sessions" && last === "logs" && rest !== undefined)
      return this.#logs(rest, request);
    throw new BerthError("not_found", `nothing is at ${url.pathname}`);
  }

  #proxy(request: Request, url: Origin): Promise<Response> {
    const hosts = hostsOf(this.env, url);
    const tokens = [this.env.BERTH_API_TOKEN, this.env.BERTH_AGENT_TOKEN];
    return proxy(request, {
      url,
      answers: this.#answers,
      sessionWithPort: (port) => this.#store.sessionWithPort(port),
      view: (stored) => this.#view(stored, hosts.sessions),
      isOnline: () => this.#link.online,
      isOurToken: (authorization) => holdsToken(authorization, tokens),
      consoleUrl: `${url.protocol}//${hosts.console}`,
    });
  }

  async #logs(id: string, request: Request): Promise<Response> {
    const stored = this.#store.session(id);
    if (stored === undefined) throw unknownSession(id);
    if (!this.#link.online)
      throw new BerthError("agent_offline", "the log is on the workspace, which is not connected");
    return this.#answers.request(logRequest(stored, request));
  }

  #wait(port: number, url: URL): Response {
    const stored = this.#store.sessionWithPort(port);
    if (stored === undefined)
      throw new BerthError("no_live_session", `no live session of yours has port ${port}`);
    return this.#feed.wait(stored, this.#viewFor(url));
  }

  #viewFor(url: URL): (stored: StoredSession) => Session {
    const { sessions } = hostsOf(this.env, url);
    return (stored) => this.#view(stored, sessions);
  }

  #launch(
    request: LaunchRequest,
    key: string | null,
    asked: string,
    host: string,
  ): { session: Session; created: boolean } {
    const earlier = key === null ? undefined : this.#store.launchedWith(key);
    const existing = earlier === undefined ? undefined : this.#store.session(earlier.id);
    if (earlier !== undefined && existing !== undefined) {
      if (earlier.request !== asked)
        throw new BerthError("idempotency_conflict", "this Idempotency-Key launched something else");
      return { session: this.#view(existing, host), created: false };
    }
    const spec = planSession(request, this.#store, Date.now());
    const stored: StoredSession = { spec, want: "run", report: null };
    this.#store.add(stored, { key, request: key === null ? null : asked });
    this.#sendWant(spec.id);
    this.#changed(spec.id);
    return { session: this.#view(stored, host), created: true };
  }

  #hello(hello: Extract<AgentFrame, { type: "hello" }>): Extract<EdgeFrame, { type: "welcome" }> {
    this.#store.agent = hello.agent;
    this.#store.catalogue = hello.services;
    this.#setResources(hello.resources);
    this.#reports.takeAll(hello.sessions);
    queueMicrotask(() => this.#feed.agent());
    const wanted = this.#store
      .sessions()
      .filter((stored) => !isEnded(stored.report?.state ?? "submitted"))
      .map(({ spec, want }) => ({ spec, want }));
    return { type: "welcome", protocol: PROTOCOL_VERSION, epoch: this.#store.nextEpoch(), wanted };
  }

  async #receive({ head, payload }: Frame<Exclude<AgentFrame, { type: "hello" }>>): Promise<void> {
    switch (head.type) {
      case "catalogue":
        this.#store.catalogue = head.services;
        this.#feed.agent();
        return;
      case "resources":
        this.#setResources(head.resources);
        return;
      case "report":
        this.#reports.take(head.report);
        return;
      case "notify":
        this.#reports.notify(head.session, head.level, head.text);
        return;
      default:
        // Not awaited: an answer waits for its browser, and the link must not wait with it.
        this.ctx.waitUntil(this.#answers.receive({ head, payload }));
    }
  }

  #resources(): ResourceView[] {
    const reachable = this.#isReachable();
    return this.#store.resources.map((resource) => resourceView(resource, reachable));
  }

  #setResources(resources: Resource[]): void {
    if (JSON.stringify(resources) === JSON.stringify(this.#store.resources)) return;
    this.#store.resources = resources;
    this.#feed.resources();
  }

  async #lost(): Promise<void> {
    this.#feed.agent();
    await this.#answers.lose();
  }

  #sendWant(id: SessionId): void {
    const stored = this.#store.session(id);
    if (stored !== undefined)
      this.#link.send({ type: "want", wanted: { spec: stored.spec, want: stored.want } });
  }

  #changed(id: SessionId): void {
    const stored = this.#store.session(id);
    if (stored !== undefined) this.#feed.session(stored);
  }

  #isReachable(): boolean {
    return this.#link.isReachable(Date.now());
  }

  #view(stored: StoredSession, host: string): Session {
    return sessionView(stored, { reachable: this.#isReachable(), host, now: Date.now() });
  }
}

const unknownSession = (id: string): BerthError =>
  new BerthError("unknown_session", `there is no session "${id}"`, { field: "id" });

function failure(error: unknown): { ok: false; problem: BerthError["problem"] } {
  if (error instanceof BerthError) return { ok: false, problem: error.problem };
  throw error;
}

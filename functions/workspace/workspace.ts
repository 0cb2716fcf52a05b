import { DurableObject } from "cloudflare:workers";
import type { AgentFrame, EdgeFrame, Frame } from "../../contract/frames.ts";
import { BerthError } from "../../contract/problem.ts";
import { LOCAL_USER } from "../../contract/person.ts";
import type { Resource, ResourceView } from "../../contract/resource.ts";
import type { CatalogueEntry } from "../../contract/service.ts";
import { isEnded, type LaunchRequest, type Notification, type Session } from "../../contract/session.ts";
import { PROTOCOL_VERSION } from "../../contract/version.ts";
import { holdsCredential } from "../auth/credential.ts";
import { type VisitingAgent, visitingAgent, type Visitor, visitorKey, visitorOf } from "../auth/visitor.ts";
import { isApplication, OVER_HEADER } from "../application.ts";
import { configOf } from "../config.ts";
import type { Env } from "../env.ts";
import { hostOfSession, hostsOf, sessionHostsOf, sessionOfHost } from "../hosts.ts";
import { callPart } from "../part-calls.ts";
import { problemResponse } from "../problem-response.ts";
import { type Origin, originOf } from "../origin.ts";
import { TARGET_HEADER } from "../relay/path.ts";
import { proxy } from "../relay/proxy.ts";
import { logRequest } from "../relay/session-log.ts";
import { Access } from "./access.ts";
import { Account } from "./account.ts";
import { Agents } from "./agents.ts";
import { Alarm, type Chore } from "./alarm.ts";
import { Answers } from "./answers.ts";
import type { AgentStatus, Result, WorkspaceApi } from "./api.ts";
import { Audit } from "./audit.ts";
import { Codes } from "./codes.ts";
import { Feed } from "./feed.ts";
import { Link, type LinkedAgent } from "./link.ts";
import { Logins } from "./logins.ts";
import type { Parts } from "./parts.ts";
import { Reports } from "./reports.ts";
import { resourceView } from "./resource-view.ts";
import { sessionView } from "./session-view.ts";
import { Sessions, unknownSession } from "./sessions.ts";
import { Store, type StoredSession } from "./store.ts";
import { Tokens } from "./tokens.ts";
import { WebhookCalls } from "./webhook-calls.ts";

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
    () => configOf(this.env).limits.followers,
  );
  readonly #reports: Reports;
  readonly #audit: Audit;
  readonly #sessions: Sessions;
  readonly #agents: Agents;
  readonly #access: Access;
  readonly #account: Account;
  readonly #webhooks: WebhookCalls;
  readonly #alarm: Alarm;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new Store(ctx.storage.sql);
    this.#reports = new Reports(this.#store, this.#feed);
    this.#answers = new Answers((head, payload) => this.#link.send(head, payload));
    this.#link = new Link(ctx, {
      onHello: (hello, from) => this.#hello(hello, from),
      onFrame: (frame, from) => this.#receive(frame, from),
      onLost: () => this.#lost(),
    });
    const { sql } = ctx.storage;
    this.#audit = new Audit(sql);
    this.#sessions = new Sessions({
      store: this.#store,
      audit: this.#audit,
      secret: env.BERTH_COOKIE_SECRET ?? "",
      limits: () => configOf(env).limits,
      send: (frame) => this.#link.send(frame),
      onChange: (stored) => this.#feed.session(stored),
      view: (stored, host) => this.#view(stored, host),
    });
    const logins = new Logins(sql, configOf(env).idleMs);
    const tokens = new Tokens(sql);
    this.#agents = new Agents(sql, {
      secrets: () => configOf(env).secrets,
      audit: this.#audit,
      close: (agent, why) => this.#revoked(agent, why),
      warn: (text) => this.#feed.notification(this.#store.notify(null, "warning", text, Date.now())),
    });
    this.#access = new Access({
      config: () => configOf(env),
      logins,
      tokens,
      agents: this.#agents,
      codes: new Codes(sql),
      audit: this.#audit,
      evict: (visitor) => this.#evict(visitor),
      onChange: () => this.#timesChanged(),
    });
    this.#account = new Account({
      secrets: () => configOf(env).secrets,
      access: this.#access,
      logins,
      tokens,
      audit: this.#audit,
      evict: (visitor) => this.#evict(visitor),
      onChange: () => this.#timesChanged(),
    });
    this.#webhooks = new WebhookCalls({
      sql,
      sessions: this.#sessions,
      audit: this.#audit,
      isOwned: (user) => user === LOCAL_USER || logins.owner !== null,
      onChange: () => this.#timesChanged(),
    });
    const endLogins: Chore = {
      due: () => logins.due(),
      run: async (now) => this.#access.endOver(now),
    };
    this.#alarm = new Alarm(ctx.storage, [endLogins, this.#account.chore, this.#webhooks]);
  }

  /** What functions ask of the workspace's parts; see parts.ts. */
  async call(part: string, method: string, args: unknown[]): Promise<unknown> {
    return callPart(
      {
        access: this.#access,
        account: this.#account,
        agents: this.#agents,
        webhooks: this.#webhooks,
      } satisfies Parts,
      part,
      method,
      args,
    );
  }

  override async alarm(): Promise<void> {
    await this.#alarm.ring(Date.now());
  }

  /** What the functions pass on as requests: the link, its streams, the proxy, and answers that are streams. */
  override async fetch(request: Request): Promise<Response> {
    try {
      return await this.#route(request);
    } catch (error) {
      if (!(error instanceof BerthError)) throw error;
      const response = problemResponse(error);
      if (error.code === "unauthorized") response.headers.set(OVER_HEADER, "1");
      return response;
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
    options: Parameters<WorkspaceApi["launch"]>[1],
  ): ReturnType<WorkspaceApi["launch"]> {
    return this.#sessions.launch(request, options);
  }

  async sessions(host: string): Promise<Session[]> {
    return this.#sessions.list(host);
  }

  async session(id: string, host: string): Promise<Result<Session>> {
    return this.#sessions.one(id, host);
  }

  async cancel(id: string, options: Parameters<WorkspaceApi["cancel"]>[1]): Promise<Result<Session>> {
    return this.#sessions.cancel(id, options);
  }

  async notifications(): Promise<Notification[]> {
    return this.#store.notifications();
  }

  async #route(request: Request): Promise<Response> {
    const origin = originOf(request.url);
    const isRelayed = isApplication(request) || request.headers.has(TARGET_HEADER);
    const url = isRelayed ? undefined : new URL(request.url);
    const [, area, name = "", rest, last] = url?.pathname.split("/", 5) ?? [];
    if (area === "agent") return this.#agentRoute(request, name, rest);
    const visitor = await visitorOf(request, origin, this.env);
    const { scopes } = await this.#access.check(visitor, { rotates: false, now: Date.now() });
    if (url === undefined) {
      if (!scopes.includes("launch"))
        throw new BerthError(
          "insufficient_scope",
          'this token opens no application: it needs the scope "launch"',
        );
      return this.#proxy(request, origin, visitor);
    }
    if (area === "wait") return this.#wait(Number(name), url, visitorKey(visitor));
    if (area === "api" && name === "events")
      return this.#feed.follow(this.#store.sessions(), this.#viewFor(url), visitorKey(visitor));
    if (area === "api" && name === "sessions" && last === "logs" && rest !== undefined)
      return this.#logs(rest, request, visitor);
    throw new BerthError("not_found", `nothing is at ${url.pathname}`);
  }

  async #agentRoute(request: Request, name: string, rest: string | undefined): Promise<Response> {
    const agent: VisitingAgent = await visitingAgent(request, this.env);
    await this.#access.checkAgent(agent, name === "link" ? "link" : "stream");
    if (name === "link") return this.#link.accept(request, agent);
    if (name === "streams" && rest !== undefined) return this.#answers.stream(rest, request);
    throw new BerthError("not_found", "nothing is there for an agent");
  }

  #proxy(request: Request, url: Origin, visitor: Visitor): Promise<Response> {
    const hosts = hostsOf(this.env, url);
    const { BERTH_API_TOKEN: api, BERTH_AGENT_TOKEN: agent } = this.env;
    return proxy(request, {
      url,
      visitor: visitorKey(visitor),
      answers: this.#answers,
      sessionWithPort: (port) => this.#sessionAt(port, url),
      view: (stored) => this.#view(stored, hosts.sessions),
      isOnline: () => this.#link.online,
      isOurToken: (authorization) =>
        holdsCredential(authorization) ||
        [api, agent].some((token) => token && authorization.includes(token)),
      consoleUrl: `${url.protocol}//${hosts.console}`,
      elsewhere:
        visitor.kind === "browser" && visitor.audience === "console" && sessionHostsOf(this.env) !== "none"
          ? (id) => `${url.protocol}//${hostOfSession(this.env, hosts.sessions, id)}`
          : undefined,
    });
  }

  /** The session with a port: on a session's own host that one alone, whatever else its user has. */
  #sessionAt(port: number, url: Origin): StoredSession | undefined {
    const own = sessionOfHost(this.env, url);
    if (own === undefined) return this.#store.sessionWithPort(port);
    const stored = this.#store.session(own);
    return stored?.report?.port === port ? stored : undefined;
  }

  async #logs(id: string, request: Request, visitor: Visitor): Promise<Response> {
    const stored = this.#store.session(id);
    if (stored === undefined) throw unknownSession(id);
    if (!this.#link.online)
      throw new BerthError("agent_offline", "the log is on the workspace, which is not connected");
    return this.#answers.request(logRequest(stored, request, visitorKey(visitor)));
  }

  #wait(port: number, url: URL, visitor: string): Response {
    const stored = this.#sessionAt(port, url);
    if (stored === undefined)
      throw new BerthError("no_live_session", `no live session of yours has port ${port}`);
    return this.#feed.wait(stored, this.#viewFor(url), visitor);
  }

  #viewFor(url: URL): (stored: StoredSession) => Session {
    const { sessions } = hostsOf(this.env, url);
    return (stored) => this.#view(stored, sessions);
  }

  #hello(
    hello: Extract<AgentFrame, { type: "hello" }>,
    from: LinkedAgent,
  ): Extract<EdgeFrame, { type: "welcome" }> {
    this.#store.agent = hello.agent;
    this.#store.catalogue = hello.services;
    this.#setResources(hello.resources);
    this.#reports.takeAll(hello.sessions);
    queueMicrotask(() => this.#feed.agent());
    this.ctx.waitUntil(this.#renew(from, hello.agent.version));
    const wanted = this.#store
      .sessions()
      .filter((stored) => !isEnded(stored.report?.state ?? "submitted"))
      .map(({ spec, want }) => ({ spec, want }));
    const { streams } = configOf(this.env).limits;
    const epoch = this.#store.nextEpoch();
    return { type: "welcome", protocol: PROTOCOL_VERSION, epoch, wanted, limits: { streams } };
  }

  /** Sends an agent its next token, when it is time for one. */
  async #renew(agent: LinkedAgent, version: string): Promise<void> {
    const token = await this.#agents.welcome(agent, version, Date.now());
    if (token !== undefined) this.#link.send({ type: "token", token });
  }

  /** An agent may not have the link any more: neither it nor whoever has its token. */
  #revoked(agent: string, why: BerthError): void {
    this.ctx.waitUntil(this.#link.revoke(agent, why));
  }

  async #receive(
    { head, payload }: Frame<Exclude<AgentFrame, { type: "hello" }>>,
    from: LinkedAgent,
  ): Promise<void> {
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
      case "token_kept":
        this.#agents.kept(from.token);
        return;
      case "active":
        this.#access.keep(head.visitors);
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

  /** Ends whatever is open for a visitor: at the agent, which has the streams, and here. */
  #evict(visitor: string): void {
    this.#link.send({ type: "evict", visitor });
    this.#feed.evict(visitor);
  }

  #timesChanged(): void {
    this.ctx.waitUntil(this.#alarm.set());
  }

  #isReachable(): boolean {
    return this.#link.isReachable(Date.now());
  }

  #view(stored: StoredSession, host: string): Session {
    const own = hostOfSession(this.env, host, stored.spec.id);
    return sessionView(stored, { reachable: this.#isReachable(), host: own, now: Date.now() });
  }
}

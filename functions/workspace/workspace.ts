import { DurableObject } from "cloudflare:workers";
import type { AgentFrame, EdgeFrame, Frame } from "../../contract/frames.ts";
import type { BerthError } from "../../contract/problem.ts";
import type { Resource, ResourceView } from "../../contract/resource.ts";
import type { CatalogueEntry } from "../../contract/service.ts";
import { isEnded, type LaunchRequest, type Notification, type Session } from "../../contract/session.ts";
import { PROTOCOL_VERSION } from "../../contract/version.ts";
import { configOf } from "../config.ts";
import type { Env } from "../env.ts";
import { hostOfSession } from "../hosts.ts";
import { Counters } from "../counters.ts";
import { callPart } from "../part-calls.ts";
import { Access } from "./access.ts";
import { Account } from "./account.ts";
import { Agents } from "./agents.ts";
import { Alarm, type Chore } from "./alarm.ts";
import { Answers } from "./answers.ts";
import type { AgentStatus, Caller, Result, WorkspaceApi } from "./api.ts";
import { Audit } from "./audit.ts";
import { Cancellations } from "./cancellations.ts";
import { Codes } from "./codes.ts";
import { Feed } from "./feed.ts";
import { Link, type LinkedAgent } from "./link.ts";
import { Logins } from "./logins.ts";
import type { Parts } from "./parts.ts";
import { platform } from "./platform.ts";
import { RegistrySync } from "./registry-sync.ts";
import { Reports } from "./reports.ts";
import { Requests } from "./requests.ts";
import { resourceView } from "./resource-view.ts";
import { sessionView } from "./session-view.ts";
import { Sessions } from "./sessions.ts";
import { sharing } from "./sharing.ts";
import { Store, type StoredSession } from "./store.ts";
import { Tokens } from "./tokens.ts";

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
  readonly #cancellations: Cancellations;
  readonly #sessions: Sessions;
  readonly #agents: Agents;
  readonly #access: Access;
  readonly #account: Account;
  readonly #sharing: ReturnType<typeof sharing>;
  readonly #platform: ReturnType<typeof platform>;
  readonly #counters = new Counters();
  readonly #registry: RegistrySync;
  readonly #requests: Requests;
  readonly #alarm: Alarm;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new Store(ctx.storage.sql);
    this.#reports = new Reports(this.#store, this.#feed, (stored, before) =>
      this.#platform.deliveries.changed(stored, before),
    );
    this.#answers = new Answers((head, payload) => this.#link.send(head, payload));
    this.#link = new Link(ctx, {
      onHello: (hello, from) => this.#hello(hello, from),
      onFrame: (frame, from) => this.#receive(frame, from),
      onLost: () => this.#lost(),
      onDown: (from) => this.#noteAgent("agent.offline", from),
      onMismatch: (mismatch) => {
        this.#counters.add("protocol_mismatches");
        this.#store.mismatch = mismatch;
        this.#feed.agent();
      },
    });
    const { sql } = ctx.storage;
    this.#audit = new Audit(sql);
    this.#cancellations = new Cancellations(sql, {
      owner: () => ctx.id.name,
      notify: (session, text) => this.#reports.notify(session, "warning", text),
    });
    this.#sessions = new Sessions({
      store: this.#store,
      audit: this.#audit,
      secret: env.BERTH_COOKIE_SECRET ?? "",
      limits: () => configOf(env).limits,
      onCancel: (stored, by, reason) => this.#cancellations.note(stored, by, reason),
      send: (frame) => this.#link.send(frame),
      onChange: (stored) => {
        this.#feed.session(stored);
        this.#platform.deliveries.changed(stored, stored.report);
      },
      view: (stored, host) => this.#view(stored, host),
    });
    const logins = new Logins(sql, configOf(env).idleMs);
    const tokens = new Tokens(sql);
    const codes = new Codes(sql);
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
      codes,
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
    this.#sharing = sharing(env, sql, {
      codes,
      logins,
      audit: this.#audit,
      session: (id) => this.#store.session(id),
      notify: (session, text) => this.#reports.notify(session, "info", text),
      evict: (visitor) => this.#evict(visitor),
      onChange: () => this.#timesChanged(),
    });
    this.#platform = platform(env, sql, {
      sessions: this.#sessions,
      cancellations: this.#cancellations,
      counters: this.#counters,
      logins,
      audit: this.#audit,
      onChange: () => this.#timesChanged(),
    });
    this.#registry = new RegistrySync(ctx, env, {
      store: this.#store,
      feed: this.#feed,
      audit: this.#audit,
      logins,
      counters: this.#counters,
      isOnline: () => this.#link.online,
      dead: () => this.#platform.deliveries.deadCount(),
      onChange: () => this.#timesChanged(),
    });
    this.#requests = new Requests({
      env,
      store: this.#store,
      link: this.#link,
      answers: this.#answers,
      feed: this.#feed,
      access: this.#access,
      shares: this.#sharing.shares,
      counters: this.#counters,
      onUse: () => this.#registry.used(),
      view: (stored, host) => this.#view(stored, host),
    });
    const endLogins: Chore = {
      due: () => logins.due(),
      run: async (now) => this.#access.endOver(now),
    };
    this.#alarm = new Alarm(ctx.storage, [
      endLogins,
      this.#sharing.visits,
      this.#sharing.shares,
      this.#account.chore,
      this.#platform.webhooks,
      this.#platform.deliveries,
      this.#registry,
    ]);
    this.#platform.deliveries.onDead = () => this.#registry.changed();
    this.#registry.awake(Date.now());
  }

  /** What functions ask of the workspace's parts; see parts.ts. */
  async call(part: string, method: string, args: unknown[]): Promise<unknown> {
    return callPart(
      {
        access: this.#access,
        account: this.#account,
        agents: this.#agents,
        ...this.#sharing,
        ...this.#platform,
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
    return this.#requests.serve(request);
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
    return { online: this.#isReachable(), host, user, version, mismatch: this.#store.mismatch };
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
    const canceled = this.#sessions.cancel(id, options);
    this.#sharing.shares.endOver(Date.now());
    return canceled;
  }

  async notifications(): Promise<Notification[]> {
    return this.#store.notifications();
  }

  #hello(
    hello: Extract<AgentFrame, { type: "hello" }>,
    from: LinkedAgent,
  ): Extract<EdgeFrame, { type: "welcome" }> {
    this.#counters.add("links_opened");
    this.#store.agent = hello.agent;
    if (this.#store.mismatch !== null) this.#store.mismatch = null;
    this.#store.catalogue = hello.services;
    this.#setResources(hello.resources);
    this.#reports.takeAll(hello.sessions);
    this.#sharing.shares.endOver(Date.now());
    this.#registry.agent(Date.now());
    queueMicrotask(() => this.#feed.agent());
    this.#noteAgent("agent.online", from);
    this.ctx.waitUntil(this.#renew(from, hello.agent.version));
    const wanted = this.#store
      .sessions()
      .filter((stored) => !isEnded(stored.report?.state ?? "submitted"))
      .map(({ spec, want }) => ({ spec, want }));
    const { streams } = configOf(this.env).limits;
    const epoch = this.#store.nextEpoch();
    return { type: "welcome", protocol: PROTOCOL_VERSION, epoch, wanted, limits: { streams } };
  }

  #noteAgent(action: "agent.online" | "agent.offline", { user }: LinkedAgent): void {
    const { agent } = this.#store;
    const by: Caller = { user, name: "its agent", from: null, via: "agent" };
    this.#audit.note(action, by, {
      detail: agent === null ? undefined : `${agent.user}@${agent.host}`,
      at: Date.now(),
    });
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
        this.#sharing.shares.endOver(Date.now());
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
    this.#counters.add("links_lost");
    this.#registry.agent(Date.now());
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
    const canceledBy = this.#cancellations.of(stored.spec.id);
    return sessionView(stored, { reachable: this.#isReachable(), host: own, now: Date.now(), canceledBy });
  }
}

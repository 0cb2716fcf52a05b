import { DurableObject } from "cloudflare:workers";
import type { ResourceView } from "../../contract/resource.ts";
import type { CatalogueEntry } from "../../contract/service.ts";
import type { LaunchRequest, Notification, Session } from "../../contract/session.ts";
import { configOf } from "../config.ts";
import type { Env } from "../env.ts";
import { hostOfSession } from "../hosts.ts";
import { Counters } from "../counters.ts";
import { callPart } from "../part-calls.ts";
import { accounts } from "./accounts.ts";
import { Agents } from "./agents.ts";
import { Alarm, type Chore } from "./alarm.ts";
import { Answers } from "./answers.ts";
import type { AgentStatus, Result, WorkspaceApi } from "./api.ts";
import { Audit } from "./audit.ts";
import { Cancellations } from "./cancellations.ts";
import { Codes } from "./codes.ts";
import { cutOff } from "./cut-off.ts";
import { Conversation } from "./conversation.ts";
import { Feed } from "./feed.ts";
import { Link } from "./link.ts";
import { Lock } from "./lock.ts";
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
  readonly #accounts: ReturnType<typeof accounts>;
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
    const { sql } = ctx.storage;
    this.#audit = new Audit(sql);
    const lock = new Lock(sql);
    this.#cancellations = new Cancellations(sql, {
      owner: () => ctx.id.name,
      notify: (session, text) => this.#reports.notify(session, "warning", text),
    });
    this.#sessions = new Sessions({
      store: this.#store,
      audit: this.#audit,
      lock,
      secret: env.BERTH_COOKIE_SECRET ?? "",
      limits: () => configOf(env).limits,
      onCancel: (stored, by, reason) => this.#cancellations.note(stored, by, reason),
      send: (frame) => this.#link.send(frame),
      onChange: (stored) => {
        this.#feed.session(stored);
        this.#platform.deliveries.changed(stored, stored.report);
        this.#sharing.shares.endOver(Date.now());
      },
      view: (stored, host) => this.#view(stored, host),
    });
    const logins = new Logins(sql, configOf(env).idleMs);
    const tokens = new Tokens(sql);
    const codes = new Codes(sql);
    this.#agents = new Agents(sql, {
      secrets: () => configOf(env).secrets,
      audit: this.#audit,
      lock,
      close: (id, why) => this.#cutOff(() => this.#link.revoke(id, why), why.message),
      linked: () => this.#link.agent,
      send: (token) => this.#link.send({ type: "token", token }),
      onChange: () => this.#timesChanged(),
      warn: (text) => this.#feed.notification(this.#store.notify(null, "warning", text, Date.now())),
    });
    this.#accounts = accounts(env, {
      lock,
      logins,
      tokens,
      agents: this.#agents,
      codes,
      audit: this.#audit,
      evict: (visitor) => this.#evict(visitor),
      onChange: () => this.#timesChanged(),
      store: this.#store,
      sessions: this.#sessions,
      shares: () => this.#sharing.shares,
      cut: () => this.#cutOff(() => this.#link.shut("locked_out"), "the account was locked"),
    });
    const { access, account } = this.#accounts;
    this.#sharing = sharing(env, sql, {
      lock,
      codes,
      logins,
      audit: this.#audit,
      session: (id) => this.#store.session(id),
      view: (stored, host) => this.#view(stored, host),
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
      lock,
      logins,
      counters: this.#counters,
      isOnline: () => this.#link.online,
      dead: () => this.#platform.deliveries.deadCount(),
      onChange: () => this.#timesChanged(),
    });
    this.#link = new Link(
      ctx,
      new Conversation({
        store: this.#store,
        reports: this.#reports,
        feed: this.#feed,
        answers: this.#answers,
        agents: this.#agents,
        access,
        shares: this.#sharing.shares,
        audit: this.#audit,
        counters: this.#counters,
        registry: this.#registry,
        limits: () => configOf(env).limits,
        waitUntil: (work) => ctx.waitUntil(work),
      }),
    );
    this.#requests = new Requests({
      env,
      store: this.#store,
      link: this.#link,
      answers: this.#answers,
      feed: this.#feed,
      access,
      shares: this.#sharing.shares,
      counters: this.#counters,
      view: (stored, host) => this.#view(stored, host),
    });
    const endLogins: Chore = {
      due: () => logins.due(),
      run: async (now) => access.endOver(now),
    };
    this.#alarm = new Alarm(ctx.storage, [
      endLogins,
      this.#agents,
      this.#sharing.visits,
      this.#sharing.shares,
      this.#sharing.use,
      account.chore,
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
        agents: this.#agents,
        ...this.#accounts,
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
  override fetch(request: Request): Promise<Response> {
    return this.#requests.serve(request);
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> | undefined {
    return this.#link.receive(socket, message);
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    await this.#link.lost(socket);
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    await this.#link.lost(socket);
  }

  async agent(): Promise<AgentStatus> {
    const known = this.#agents.known(this.#store.agent, this.ctx.id.name);
    const { host = null, user = null, version = null } = known ?? {};
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
    return this.#sessions.cancel(id, options);
  }

  async notifications(): Promise<Notification[]> {
    return this.#store.notifications();
  }

  #resources(): ResourceView[] {
    const reachable = this.#isReachable();
    return this.#store.resources.map((resource) => resourceView(resource, reachable));
  }

  /** Ends whatever is open for a visitor: at the agent, which has the streams, and here. */
  #evict(visitor: string): void {
    this.#link.send({ type: "evict", visitor });
    this.#feed.evict(visitor);
  }

  #cutOff(close: () => Promise<void>, why: string): void {
    this.ctx.waitUntil(cutOff(this.ctx, this.#answers, { close, why }));
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

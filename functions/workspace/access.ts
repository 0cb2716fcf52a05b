import type { Person, Role, Scope } from "../../contract/person.ts";
import { LOCAL_USER } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";
import { codeHash, makeCode } from "../auth/code.ts";
import type { Audience, Claims } from "../auth/cookie.ts";
import { sha256 } from "../auth/token.ts";
import type { ProviderLogout } from "../auth/oidc-logout.ts";
import { LOCAL_TOKEN, type VisitingAgent, type Visitor } from "../auth/visitor.ts";
import type { Config } from "../config.ts";
import type { Caller, Result } from "./api.ts";
import type { Audit } from "./audit.ts";
import type { Codes, CodeContent } from "./codes.ts";
import type { Lock } from "./lock.ts";
import { type Login, type Logins, localPerson } from "./logins.ts";
import { failure } from "./failure.ts";
import { type Agents, isEnrolled } from "./agents.ts";
import type { Tokens } from "./tokens.ts";

/** A visitor whose proof counts. */
export type Admitted = {
  role: Role;
  name: string;
  scopes: readonly Scope[];
  /** What a browser's cookie should say from now on; null for a program. */
  generation: number | null;
};

const EVERY_SCOPE: readonly Scope[] = ["read", "launch", "operator"];
const scopesOf = (role: Role): readonly Scope[] => (role === "operator" ? EVERY_SCOPE : ["read", "launch"]);

const unauthorized = (): BerthError => new BerthError("unauthorized", "this login is over, or was ended");

export type AccessOptions = {
  config: () => Config;
  /** While it is closed, no proof counts. */
  lock: Lock;
  logins: Logins;
  tokens: Tokens;
  agents: Agents;
  codes: Codes;
  audit: Audit;
  /** Ends every stream that is open for a visitor; see `visitorKey`. */
  evict: (key: string) => void;
  /** The time of what is due may have changed. */
  onChange: () => void;
};

/** Who may visit a workspace, and since when not any more. Functions call it by `partOf(env, user, "access")`. */
export class Access {
  readonly #options: AccessOptions;

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  /**
   * Says whether a visitor's proof still counts.
   * @param options.rotates true where the answer can carry a new cookie
   * @throws BerthError `unauthorized`, `locked_out`
   */
  async check(visitor: Visitor, options: { rotates: boolean; now: number }): Promise<Admitted> {
    const { lock, logins } = this.#options;
    if (visitor.kind === "browser") {
      // Also where no new cookie can be set: a copy would keep to such requests.
      const generation = visitor.audience === "console" ? visitor.generation : null;
      const admission = logins.admit({ login: visitor.login, generation }, options);
      if (admission.kind === "copied") {
        const by: Caller = { user: visitor.user, name: logins.owner?.name ?? "", from: null, via: "edge" };
        this.#options.audit.note("login.copied", by, { at: options.now });
        this.#end(visitor.login);
      }
      // Of a lock-out they are told when they log in: with this cookie it may be anybody.
      if (admission.kind !== "good") throw unauthorized();
      lock.check();
      const name = logins.owner?.name ?? "";
      // The cookie says what was so when it was issued: whoever is no operator any more is none in any browser. And where
      // an application's script is of the console's own origin, a browser has no powers over others to lend it.
      const mayOperate = logins.owner?.role === "operator" && this.#options.config().sessionHosts !== "none";
      const role = mayOperate ? visitor.role : "user";
      return { role, name, scopes: scopesOf(role), generation: admission.generation };
    }
    lock.check();
    if (visitor.token === LOCAL_TOKEN && visitor.user === LOCAL_USER)
      return { role: "operator", name: "You", scopes: EVERY_SCOPE, generation: null };
    const token = this.#options.tokens.use(visitor.token, await this.#hashOf(visitor.secret), options.now);
    if (token === undefined) throw unauthorized();
    const role = logins.owner?.role ?? "user";
    const may = scopesOf(role);
    const scopes = token.scopes.filter((scope) => may.includes(scope));
    return { role, name: `${logins.owner?.name ?? ""} (${token.name})`, scopes, generation: null };
  }

  /** `check`, for the functions. */
  async admit(visitor: Visitor, rotates: boolean): Promise<Result<Admitted>> {
    try {
      return { ok: true, value: await this.check(visitor, { rotates, now: Date.now() }) };
    } catch (error) {
      return failure(error);
    }
  }

  /**
   * Says whether an agent's token still counts.
   * @param road what the agent asks for
   * @throws BerthError `unauthorized`, `agent_revoked`, `locked_out`
   */
  async checkAgent(agent: VisitingAgent, road: "link" | "stream"): Promise<void> {
    if (isEnrolled(agent)) await this.#options.agents.check(agent, road);
    else if (agent.user !== LOCAL_USER)
      throw new BerthError("unauthorized", "this is the agent of another workspace");
    this.#options.lock.check();
  }

  /**
   * An agent gives up its rights of its own accord.
   * @throws BerthError `not_found` for the local instance's, which has none to give up
   */
  async leave({ user, token }: VisitingAgent, from: string | null): Promise<void> {
    if (!(await this.#options.agents.revoke(token, { user, name: "its agent", from, via: "agent" })))
      throw new BerthError("not_found", "this agent was not enrolled");
  }

  /** Notes that connections of these visitors are in use. */
  keep(visitors: readonly string[]): void {
    for (const key of visitors) {
      const [kind, id = ""] = key.split(":", 2);
      if (kind === "login") this.#options.logins.keep(id, Date.now());
      if (kind === "token") this.#options.tokens.keep(id, Date.now());
    }
  }

  /** Whose workspace it is; null when nobody has ever logged in to it. */
  async owner(): Promise<Person | null> {
    return this.#options.logins.owner;
  }

  /** Logs a browser in, and returns what its cookie is to say. Refused with `locked_out`, and noted, while it is so. */
  async login(
    person: Person,
    browser: { agent: string; from: string | null; idToken: string | null },
  ): Promise<Result<Claims>> {
    const { lock, logins, audit, config } = this.#options;
    const now = Date.now();
    const by: Caller = { user: person.id, name: person.name, from: browser.from, via: "console" };
    try {
      lock.checkLogin();
    } catch (error) {
      audit.note("login.refused", by, { at: now });
      return failure(error);
    }
    logins.owner = person;
    const expires = now + config().longestMs;
    const { agent, from, idToken } = browser;
    const { id } = logins.add(
      { role: person.role, expires, agent: agent.slice(0, 200), from, token: idToken },
      now,
    );
    for (const surplus of logins.surplus()) this.#end(surplus);
    audit.note("login", by, { at: now });
    this.#options.onChange();
    const claims = { user: person.id, role: person.role, login: id, generation: 1, issued: now, expires };
    return { ok: true, value: claims };
  }

  /** The browsers that are logged in, the last used first. */
  async logins(): Promise<Login[]> {
    return this.#options.logins.list(Date.now());
  }

  /** Ends one login, or `all`, with whatever is open for it. Returns the ID token of the first, to log out at its provider. */
  async logout(which: string, caller: Caller): Promise<{ idToken: string | null }> {
    const now = Date.now();
    const ids = which === "all" ? this.#options.logins.list(now).map(({ id }) => id) : [which];
    let idToken: string | null = null;
    for (const id of ids) {
      const ended = this.#end(id);
      if (ended === undefined) continue;
      idToken ??= ended.token;
      this.#options.audit.note("login.end", caller, { at: now });
    }
    return { idToken };
  }

  /** Ends every login with whatever is open for it, and returns how many there were. Nothing is waited for. */
  endAll(caller: Caller): number {
    const now = Date.now();
    const live = this.#options.logins.list(now).map(({ id }) => id);
    for (const id of live) {
      this.#end(id);
      this.#options.audit.note("login.end", caller, { at: now });
    }
    this.endOver(now);
    return live.length;
  }

  /** Ends what the provider says is over: the logins of one of its sessions, or all. False for a call that came before. */
  async logoutByProvider({ id, sid, expires }: ProviderLogout): Promise<boolean> {
    const { audit, codes, logins } = this.#options;
    const now = Date.now();
    if (!codes.spend(await sha256(`logout ${id}`), expires, now)) return false;
    const by: Caller = {
      user: logins.owner?.id ?? LOCAL_USER,
      name: "the identity provider",
      from: null,
      via: "edge",
    };
    const ids = sid === null ? logins.list(now).map((login) => login.id) : logins.ofProviderSession(sid);
    for (const login of ids) {
      this.#end(login);
      audit.note("login.end", by, { at: now });
    }
    return true;
  }

  /** Ends the logins whose time is over. */
  endOver(now: number): void {
    for (const id of this.#options.logins.over(now)) this.#end(id);
  }

  /** Makes a code that works once. Only its hash is kept. */
  async issueCode(content: CodeContent, lifetimeMs: number): Promise<string> {
    const { codes, config, logins } = this.#options;
    const user = logins.owner?.id ?? LOCAL_USER;
    const code = await makeCode(config().secrets, user);
    codes.add(await codeHash(code), content, Date.now() + lifetimeMs, Date.now());
    return code;
  }

  /** What a code is good for, the first time that it is shown within its lifetime; null else. */
  async takeCode(code: string, purpose: CodeContent["purpose"]): Promise<CodeContent | null> {
    return this.#options.codes.take(await codeHash(code), purpose, Date.now());
  }

  /** Uses a link to the console of the local instance. Null when it was used, or is too old. */
  async takeLoginLink(code: string, browser: { agent: string; from: string | null }): Promise<Claims | null> {
    const content = await this.takeCode(code, "login");
    if (content === null) return null;
    const person = this.#options.logins.owner ?? localPerson(LOCAL_USER);
    const entered = await this.login(person, { ...browser, idToken: null });
    return entered.ok ? entered.value : null;
  }

  /** What the cookie of an applications' host is to say, for a hand-over by a login that is still good; null for others. */
  async enter(
    code: string,
    at: { browsers: readonly string[]; audience: Audience },
  ): Promise<{ claims: Claims; to: string } | null> {
    const content = await this.takeCode(code, "enter");
    if (content?.purpose !== "enter" || content.audience !== at.audience) return null;
    if (!at.browsers.includes(content.browser)) return null;
    const now = Date.now();
    const { claims } = content;
    const admission = this.#options.logins.admit(
      { login: claims.login, generation: null },
      { rotates: false, now },
    );
    if (admission.kind !== "good") return null;
    return { claims: { ...claims, issued: now }, to: content.to };
  }

  #end(login: string): { token: string | null } | undefined {
    const ended = this.#options.logins.end(login);
    this.#options.evict(`login:${login}`);
    this.#options.onChange();
    return ended;
  }

  /** Hashes found in this object's life: a program sends the same token with every request. */
  readonly #hashes = new Map<string, string>();

  async #hashOf(secret: string): Promise<string> {
    const known = this.#hashes.get(secret);
    if (known !== undefined) return known;
    const hash = await sha256(secret);
    if (this.#hashes.size >= 256) this.#hashes.clear();
    this.#hashes.set(secret, hash);
    return hash;
  }
}

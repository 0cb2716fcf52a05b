import {
  type ApiToken,
  type BrowserLogin,
  type CreatedToken,
  impliedScopes,
  type NewToken,
} from "../../contract/account.ts";
import type { Person, Scope, UserId } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";
import { makeCredential } from "../auth/credential.ts";
import { randomToken, sha256 } from "../auth/token.ts";
import type { Access } from "./access.ts";
import type { Chore } from "./alarm.ts";
import type { Caller, Result } from "./api.ts";
import type { Audit } from "./audit.ts";
import { failure } from "./failure.ts";
import type { Lock } from "./lock.ts";
import type { Login, Logins } from "./logins.ts";
import { isOver, type Token, type Tokens } from "./tokens.ts";

/** More than anybody keeps in mind: who needs another revokes one. */
const MOST_TOKENS = 50;
const DAY_MS = 86_400_000;

export type AccountOptions = {
  secrets: () => string;
  access: Access;
  lock: Lock;
  logins: Logins;
  tokens: Tokens;
  audit: Audit;
  /** Ends every stream that is open for a visitor; see `visitorKey`. */
  evict: (key: string) => void;
  /** The time of what is due may have changed. */
  onChange: () => void;
};

/** What somebody sees of their own account, and changes. Functions call it by `partOf(env, user, "account")`. */
export class Account {
  readonly #options: AccountOptions;
  /** Ends what is open for tokens whose time is over. */
  readonly chore: Chore;

  constructor(options: AccountOptions) {
    this.#options = options;
    const { tokens, evict } = options;
    this.chore = {
      due: () => tokens.due(),
      run: async (now) => {
        for (const id of tokens.expire(now)) evict(`token:${id}`);
      },
    };
  }

  /** Whose account it is, null before their first login; their browsers and tokens. `current` is the login that asks. */
  async overview(
    current: string | null,
  ): Promise<{ person: Person | null; logins: BrowserLogin[]; tokens: ApiToken[] }> {
    const { logins, tokens } = this.#options;
    return {
      person: logins.owner,
      logins: logins.list(Date.now()).map((login) => browserLogin(login, current)),
      tokens: tokens.list().map(apiToken),
    };
  }

  /**
   * Makes a token, whose text is in this answer and nowhere else.
   * @param options.may the scopes of who asks: nobody gives away what they have not got
   */
  async createToken(
    user: UserId,
    wanted: NewToken,
    options: { may: readonly Scope[]; caller: Caller },
  ): Promise<Result<CreatedToken>> {
    const { secrets, tokens, audit, onChange } = this.#options;
    const id = randomToken().slice(0, 22);
    const token = await makeCredential(secrets(), { kind: "api", user, id });
    const hash = await sha256(token);
    const now = Date.now();
    try {
      this.#options.lock.check();
      this.#check(wanted, options.may, now);
    } catch (error) {
      return failure(error);
    }
    const { name, expiresInDays } = wanted;
    const expires = expiresInDays === undefined ? null : now + expiresInDays * DAY_MS;
    const scopes = impliedScopes(wanted.scopes);
    const made = tokens.add({ id, hash, name, scopes, created: now, expires });
    audit.note("token.create", options.caller, { detail: `${name} (${scopes.join(", ")})`, at: now });
    onChange();
    return { ok: true, value: { ...apiToken(made), token } };
  }

  /** Ends a token and whatever is open for it. False when there is none of that id. */
  async revokeToken(id: string, caller: Caller): Promise<boolean> {
    const token = this.#options.tokens.list().find((each) => each.id === id);
    if (token === undefined) return false;
    this.#revoke(token, caller);
    return true;
  }

  /** Ends every token with whatever is open for it, and returns how many there were. Nothing is waited for. */
  revokeAll(caller: Caller): number {
    const tokens = this.#options.tokens.list();
    for (const token of tokens) this.#revoke(token, caller);
    return tokens.length;
  }

  /** Ends one login and whatever is open for it. False when there is none of that id. */
  async endLogin(id: string, caller: Caller): Promise<boolean> {
    if (!this.#options.logins.list(Date.now()).some((login) => login.id === id)) return false;
    await this.#options.access.logout(id, caller);
    return true;
  }

  #revoke({ id, name }: Token, caller: Caller): void {
    const { tokens, audit, evict, onChange } = this.#options;
    tokens.remove(id);
    evict(`token:${id}`);
    audit.note("token.revoke", caller, { detail: name, at: Date.now() });
    onChange();
  }

  #check({ name, scopes }: NewToken, may: readonly Scope[], now: number): void {
    const { tokens } = this.#options;
    const beyond = scopes.find((scope) => !may.includes(scope));
    if (beyond !== undefined)
      throw new BerthError("forbidden", `you may not give the scope "${beyond}": it is not yours`, {
        field: "scopes",
      });
    const live = tokens.list().filter((token) => !isOver(token, now));
    if (live.some((token) => token.name === name))
      throw new BerthError("invalid_request", `a token named "${name}" is there already: choose another`, {
        field: "name",
      });
    if (live.length >= MOST_TOKENS)
      throw new BerthError("invalid_request", `there are ${MOST_TOKENS} tokens: revoke one that is not used`);
  }
}

const iso = (time: number): string => new Date(time).toISOString();
const isoOrNull = (time: number | null): string | null => (time === null ? null : iso(time));

const apiToken = ({ id, name, scopes, created, used, expires }: Token): ApiToken => ({
  id,
  name,
  scopes,
  createdAt: iso(created),
  usedAt: isoOrNull(used),
  expiresAt: isoOrNull(expires),
});

const browserLogin = (login: Login, current: string | null): BrowserLogin => ({
  id: login.id,
  current: login.id === current,
  agent: login.agent,
  from: login.from,
  createdAt: iso(login.created),
  usedAt: iso(login.seen),
  expiresAt: iso(login.expires),
});

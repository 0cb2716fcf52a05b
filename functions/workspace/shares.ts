import { type SessionId, shareId } from "../../contract/ids.ts";
import type { Person, UserId } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";
import { isEnded, type Session } from "../../contract/session.ts";
import {
  SHARE_DEFAULT,
  SHARE_LONGEST,
  type SharedSession,
  type ShareRequest,
  spellWith,
} from "../../contract/share.ts";
import { CODE_LIFETIME, codeHash, makeCode } from "../auth/code.ts";
import { guestKey } from "../auth/guest.ts";
import type { ShareClaims } from "../auth/share-cookie.ts";
import type { Chore } from "./alarm.ts";
import type { Caller, Result } from "./api.ts";
import type { Audit } from "./audit.ts";
import type { Codes } from "./codes.ts";
import { failure } from "./failure.ts";
import type { GuestUse } from "./guest-use.ts";
import { unknownSession } from "./sessions.ts";
import { type Guest, offeredTo, type ShareTable, type StoredShare } from "./share-table.ts";
import type { StoredSession } from "./store.ts";

/** A session has at most so many shares at a time. */
const SHARES_EACH = 50;

/** Who asks to be let in, as their own workspace knows them. */
export type Applicant = Pick<Person, "id" | "name" | "subject" | "email" | "groups"> & {
  login: string;
  /** When that login ends at the latest, milliseconds since 1970. */
  expires: number;
};

/** A share, and who has entered by it. */
export type KeptShare = StoredShare & { guests: string[] };

/** A session that is shared with whoever asks, as far as it concerns them. */
export type Offer = Omit<SharedSession, "url"> & Pick<Session, "slug">;

export type SharesOptions = {
  table: ShareTable;
  use: GuestUse;
  codes: Codes;
  audit: Audit;
  secrets: () => string;
  /** Whose workspace this is. */
  owner: () => UserId;
  ownerName: () => string;
  session: (id: string) => StoredSession | undefined;
  /** A session as it is shown; `host` is the sessions' host. */
  view: (stored: StoredSession, host: string) => Session;
  /** Why nothing is shared at this edge; null where sharing is offered. */
  refusal: () => string | null;
  /** Makes the session known as this owner's, so that guests find it; false when it is somebody else's. */
  claim: (share: StoredShare, owner: UserId) => Promise<boolean>;
  /** Tells the owner behind the bell. */
  notify: (session: SessionId, text: string) => void;
  /** Ends whatever is open for a guest; see `guestKey`. */
  evict: (key: string) => void;
  /** The time of what is due may have changed. */
  onChange: () => void;
};

/**
 * The sessions of this workspace that its owner shares, with whom, and until when. The guests come from workspaces of
 * their own; functions call it by `partOf(env, owner, "shares")`.
 */
export class Shares implements Chore {
  readonly #options: SharesOptions;

  constructor(options: SharesOptions) {
    this.#options = options;
  }

  /** Shares a session that has not ended. */
  async create(session: string, request: ShareRequest, caller: Caller): Promise<Result<KeptShare>> {
    try {
      return { ok: true, value: await this.#create(session, request, caller) };
    } catch (error) {
      return failure(error);
    }
  }

  /** The shares of a session, oldest first. */
  async list(session: string): Promise<Result<KeptShare[]>> {
    if (this.#options.session(session) === undefined) return failure(unknownSession(session));
    return { ok: true, value: this.#live(session, Date.now()).map((share) => this.#kept(share)) };
  }

  /** Ends a share, and whatever its guests have open. */
  async end(session: string, id: string, caller: Caller): Promise<Result<null>> {
    const share = this.#live(session, Date.now()).find((each) => each.id === id);
    if (share === undefined)
      return failure(new BerthError("not_found", `session "${session}" has no share "${id}"`));
    this.#end(share, caller);
    return { ok: true, value: null };
  }

  /**
   * Makes the code by which a browser enters, if the session is shared with whom it belongs to; null else, which tells
   * nobody whether there is such a session. Where several shares fit, the one that allows most.
   * @param browser a hash of what only that browser holds
   */
  async enter(
    session: string,
    applicant: Applicant,
    options: { to: string; browser: string },
  ): Promise<string | null> {
    const { table, codes, secrets, owner } = this.#options;
    const now = Date.now();
    const [share] = offeredTo(applicant, this.#live(session, now));
    if (share === undefined || applicant.expires <= now) return null;
    const { id: guest, login, name } = applicant;
    const expires = Math.min(share.ends, applicant.expires);
    const entered = table.guest(share.id, login)?.entered ?? null;
    // From here on their workspace's word that the login is over finds somebody to send away.
    table.setGuest({ share: share.id, login, user: guest, name, entered, expires });
    this.#options.onChange();
    const claims = { guest, login, owner: owner(), session: share.session, share: share.id, expires };
    const code = await makeCode(secrets(), owner());
    const content = { purpose: "share", to: options.to, browser: options.browser, claims } as const;
    codes.add(await codeHash(code), content, now + CODE_LIFETIME.enter, now);
    return code;
  }

  /** The sessions that are shared with somebody, each by the share that `enter` would choose. */
  async offers(applicant: Pick<Person, "subject" | "email" | "groups">, host: string): Promise<Offer[]> {
    const { table, session } = this.#options;
    const now = Date.now();
    const live = offeredTo(applicant, table.shares()).filter((share) => this.#isLive(share, now));
    const best = new Map(live.toReversed().map((share) => [share.session, share]));
    return [...best.values()].flatMap((share) => {
      const stored = session(share.session);
      return stored === undefined ? [] : [this.#offer(share, stored, host)];
    });
  }

  /** What the guest's cookie is to say, for a code that works once; null for a browser that may not, or no more. */
  async take(
    code: string,
    at: { browsers: readonly string[]; session: SessionId; from: string | null },
  ): Promise<{ claims: ShareClaims; to: string } | null> {
    const { table, codes, audit, notify } = this.#options;
    const now = Date.now();
    const content = codes.take(await codeHash(code), "share", now);
    if (content?.purpose !== "share" || !at.browsers.includes(content.browser)) return null;
    const { claims, to } = content;
    if (claims.session !== at.session) return null;
    const found = this.#admitted(claims, now);
    if (found === undefined) return null;
    const { guest, share, stored } = found;
    const isFirst = !table.guests(share.id).some((each) => each.user === guest.user && each.entered !== null);
    table.setGuest({ ...guest, entered: now });
    const by: Caller = { user: guest.user, name: guest.name, from: at.from, via: "console" };
    audit.note("share.enter", by, { session: share.session, detail: share.id, at: now });
    if (isFirst) notify(share.session, `${guest.name} opened ${stored.spec.name}, which you share`);
    return { claims, to };
  }

  /** A login of a guest is over: says their own workspace. */
  async leave(user: UserId, login: string): Promise<void> {
    for (const guest of this.#options.table.guests())
      if (guest.user === user && guest.login === login) this.#sendAway(guest);
    this.#options.onChange();
  }

  /**
   * What a guest's proof still opens. That it was used is noted.
   * @throws BerthError `unauthorized` when the share, or the guest's login, is over
   */
  check(claims: ShareClaims, now: number): { share: StoredShare; stored: StoredSession } {
    const found = this.#admitted(claims, now);
    if (found === undefined) throw new BerthError("unauthorized", "this share is over, or never was");
    this.#options.use.note(claims, now);
    return found;
  }

  /** Notes that WebSockets of these guests are in use; see `guestKey`. */
  keep(visitors: readonly string[]): void {
    const keys = new Set(visitors);
    for (const guest of this.#options.table.guests())
      if (keys.has(guestKey(guest))) this.#options.use.note(guest, Date.now());
  }

  due(): number | null {
    const { table } = this.#options;
    const times = [
      ...table.shares().map(({ ends }) => ends),
      ...table.guests().map(({ expires }) => expires),
    ];
    return times.length === 0 ? null : Math.min(...times);
  }

  async run(now: number): Promise<void> {
    this.endOver(now);
  }

  /** Ends the shares whose time is over, or whose session. */
  endOver(now: number): void {
    const { table, owner } = this.#options;
    const by: Caller = { user: owner(), name: "", from: null, via: "edge" };
    for (const share of table.shares()) if (!this.#isLive(share, now)) this.#end(share, by);
    for (const guest of table.guests()) if (guest.expires <= now) this.#sendAway(guest);
  }

  async #create(session: string, request: ShareRequest, caller: Caller): Promise<KeptShare> {
    const { table, audit, claim, owner, refusal, onChange } = this.#options;
    const why = refusal();
    if (why !== null) throw new BerthError("forbidden", why);
    const now = Date.now();
    const stored = this.#options.session(session);
    if (stored === undefined) throw unknownSession(session);
    if (isOver(stored)) throw new BerthError("invalid_request", `session "${session}" has ended`);
    const ends = request.endsAt === undefined ? now + SHARE_DEFAULT : Date.parse(request.endsAt);
    if (ends <= now || ends > now + SHARE_LONGEST)
      throw new BerthError("invalid_request", "endsAt: must be within the next 30 days", { field: "endsAt" });
    if (this.#live(session, now).length >= SHARES_EACH)
      throw new BerthError("forbidden", `a session has at most ${SHARES_EACH} shares: end one of them first`);
    const id = shareId((bytes) => crypto.getRandomValues(bytes));
    const { mode } = request;
    const share = { id, session: stored.spec.id, with: request.with, mode, created: now, ends };
    if (!(await claim(share, owner())))
      throw new BerthError("forbidden", `session "${session}" was shared by somebody else before`);
    // Meanwhile the session may have ended, or its owner may have been locked out.
    if (!this.#isLive(share, Date.now()))
      throw new BerthError("invalid_request", `session "${session}" can be shared no longer`);
    table.add(share);
    const detail = `${mode}, ${spellWith(share.with)}, until ${new Date(ends).toISOString()}`;
    audit.note("session.share", caller, { session, detail, at: now });
    onChange();
    return this.#kept(share);
  }

  #offer({ mode, created, ends }: StoredShare, stored: StoredSession, host: string): Offer {
    const { id, name, service, state, reachable, slug } = this.#options.view(stored, host);
    const times = { sharedAt: new Date(created).toISOString(), endsAt: new Date(ends).toISOString() };
    return {
      session: id,
      name,
      service,
      state,
      reachable,
      slug,
      mode,
      ...times,
      owner: this.#options.ownerName(),
    };
  }

  #admitted(
    claims: ShareClaims,
    now: number,
  ): { share: StoredShare; guest: Guest; stored: StoredSession } | undefined {
    const { table, session } = this.#options;
    const share = table.share(claims.share);
    const guest = table.guest(claims.share, claims.login);
    if (share === undefined || guest === undefined) return undefined;
    if (share.session !== claims.session || guest.user !== claims.guest || guest.expires <= now)
      return undefined;
    const stored = session(share.session);
    return stored !== undefined && this.#isLive(share, now) ? { share, guest, stored } : undefined;
  }

  #isLive(share: StoredShare, now: number): boolean {
    const stored = this.#options.session(share.session);
    return share.ends > now && stored !== undefined && !isOver(stored) && this.#options.refusal() === null;
  }

  #live(session: string, now: number): StoredShare[] {
    return this.#options.table
      .shares()
      .filter((share) => share.session === session && this.#isLive(share, now));
  }

  #kept(share: StoredShare): KeptShare {
    const entered = this.#options.table.guests(share.id).filter((guest) => guest.entered !== null);
    return { ...share, guests: [...new Map(entered.map(({ user, name }) => [user, name])).values()] };
  }

  #end(share: StoredShare, by: Caller): void {
    const { table, audit, evict, onChange } = this.#options;
    for (const guest of table.remove(share.id)) evict(guestKey(guest));
    const detail = `${share.mode}, ${spellWith(share.with)}`;
    audit.note("session.unshare", by, { session: share.session, detail, at: Date.now() });
    onChange();
  }

  #sendAway(guest: Guest): void {
    this.#options.table.removeGuest(guest);
    this.#options.evict(guestKey(guest));
  }
}

/** A session that is being canceled is no longer shared. */
const isOver = ({ want, report }: StoredSession): boolean =>
  want === "cancel" || isEnded(report?.state ?? "submitted");

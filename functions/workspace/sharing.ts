import { LOCAL_USER } from "../../contract/person.ts";
import { shareKey } from "../auth/share-key.ts";
import { configOf } from "../config.ts";
import type { Env } from "../env.ts";
import { registryPart } from "../registry/parts.ts";
import { sharingRefusal } from "../sharing.ts";
import { GuestUse } from "./guest-use.ts";
import type { Lock } from "./lock.ts";
import type { Logins } from "./logins.ts";
import { partOf } from "./parts.ts";
import { Shares, type SharesOptions } from "./shares.ts";
import { ShareTable } from "./share-table.ts";
import { Visits } from "./visits.ts";

/** Both sides of sharing in one workspace: what its owner shares, and where its owner is a guest. */
export function sharing(
  env: Env,
  sql: SqlStorage,
  options: Pick<SharesOptions, "codes" | "audit" | "session" | "view" | "notify" | "evict" | "onChange"> & {
    logins: Logins;
    /** While it is closed, nothing is shared. */
    lock: Lock;
  },
): { shares: Shares; visits: Visits; use: GuestUse } {
  const { lock, logins, onChange, ...rest } = options;
  const owner = () => logins.owner?.id ?? LOCAL_USER;
  const table = new ShareTable(sql);
  const use = new GuestUse({
    sql,
    onChange,
    guest: (share, login) => table.guest(share, login),
    tell: ({ user, login }, used) => partOf(env, user, "visits").keep(login, used),
  });
  const shares = new Shares({
    ...rest,
    onChange,
    owner,
    ownerName: () => logins.owner?.name ?? "",
    table,
    use,
    secrets: () => configOf(env).secrets,
    refusal: () => (lock.lockedOut === null ? sharingRefusal(env) : "an operator has locked this account"),
    claim: (share, user) =>
      registryPart(env, "shareOwners").claim(share.session, user, {
        until: share.ends,
        key: shareKey(share.with),
      }),
  });
  const visits = new Visits({
    sql,
    onChange,
    keep: (login, used) => logins.keep(login, used),
    isLive: (login) => logins.list(Date.now()).some(({ id }) => id === login),
    leave: (host, login) => partOf(env, host, "shares").leave(owner(), login),
  });
  return { shares, visits, use };
}

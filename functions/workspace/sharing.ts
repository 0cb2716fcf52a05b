import { LOCAL_USER } from "../../contract/person.ts";
import { configOf } from "../config.ts";
import type { Env } from "../env.ts";
import { registryPart } from "../registry/parts.ts";
import { sharingRefusal } from "../sharing.ts";
import type { Logins } from "./logins.ts";
import { partOf } from "./parts.ts";
import { Shares, type SharesOptions } from "./shares.ts";
import { ShareTable } from "./share-table.ts";
import { Visits } from "./visits.ts";

/** Both sides of sharing in one workspace: what its owner shares, and where its owner is a guest. */
export function sharing(
  env: Env,
  sql: SqlStorage,
  options: Pick<SharesOptions, "codes" | "audit" | "session" | "notify" | "evict" | "onChange"> & {
    logins: Logins;
  },
): { shares: Shares; visits: Visits } {
  const { logins, onChange, ...rest } = options;
  const owner = () => logins.owner?.id ?? LOCAL_USER;
  const shares = new Shares({
    ...rest,
    onChange,
    owner,
    table: new ShareTable(sql),
    secrets: () => configOf(env).secrets,
    refusal: () => sharingRefusal(env),
    claim: (session, user, until) => registryPart(env, "shareOwners").claim(session, user, until),
  });
  const visits = new Visits({
    sql,
    onChange,
    isLive: (login) => logins.list(Date.now()).some(({ id }) => id === login),
    leave: (host, login) => partOf(env, host, "shares").leave(owner(), login),
  });
  return { shares, visits };
}

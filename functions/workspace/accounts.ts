import { configOf } from "../config.ts";
import type { Env } from "../env.ts";
import { Access, type AccessOptions } from "./access.ts";
import { Account } from "./account.ts";
import { LockOut, type LockOutOptions } from "./lock-out.ts";

/** Who may visit a workspace, by what, and what their owner and an operator do about it. */
export function accounts(
  env: Env,
  options: Omit<AccessOptions, "config"> & Omit<LockOutOptions, "access" | "account">,
): { access: Access; account: Account; lockOut: LockOut } {
  const { agents, codes, evict, onChange, store, sessions, shares, cut, ...both } = options;
  const access = new Access({ ...both, config: () => configOf(env), agents, codes, evict, onChange });
  const account = new Account({ ...both, secrets: () => configOf(env).secrets, access, evict, onChange });
  const lockOut = new LockOut({ ...both, access, account, store, sessions, shares, cut });
  return { access, account, lockOut };
}

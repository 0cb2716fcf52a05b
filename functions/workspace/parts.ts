import type { UserId } from "../../contract/person.ts";
import type { Env } from "../env.ts";
import { type Calls, remotePart } from "../part-calls.ts";
import type { Access } from "./access.ts";
import type { Agents } from "./agents.ts";

/** The parts of a workspace's object that functions call by RPC; what they give back is plain data. */
export type Parts = { access: Access; agents: Agents };

/** One part of a user's workspace, from outside. */
export const partOf = <Name extends keyof Parts>(env: Env, user: UserId, name: Name): Calls<Parts[Name]> =>
  remotePart<Parts[Name]>(env.WORKSPACE.getByName(user), name);

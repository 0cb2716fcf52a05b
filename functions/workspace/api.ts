import type { AgentStatus } from "../../contract/agent-status.ts";
import type { UserId } from "../../contract/person.ts";
import type { Problem } from "../../contract/problem.ts";
import type { ResourceView } from "../../contract/resource.ts";
import type { CatalogueEntry } from "../../contract/service.ts";
import type { LaunchRequest, Notification, Session } from "../../contract/session.ts";

export type { AgentStatus };

/** What crosses the RPC between a function and the object: errors are values there, since a class would not survive. */
export type Result<Value> = { ok: true; value: Value } | { ok: false; problem: Problem };

/** Who does something, from where, and by what: for the audit log, and for what its owner is told. */
export type Caller = {
  user: UserId;
  name: string;
  /** The address that Cloudflare's edge saw; null where none is known. */
  from: string | null;
  via: "console" | "api" | "webhook" | "agent" | "edge";
};

/** What the functions ask of a user's workspace. `host` is the host (with port) on which session URLs are opened. */
export interface WorkspaceApi {
  agent(): Promise<AgentStatus>;
  services(): Promise<CatalogueEntry[]>;
  /** The clusters; the last known while the agent is away. */
  resources(): Promise<ResourceView[]>;
  /** Launches, or returns what an earlier launch with the same key made. */
  launch(
    request: LaunchRequest,
    options: { key: string | null; host: string; caller: Caller },
  ): Promise<Result<{ session: Session; created: boolean }>>;
  /** Newest first. */
  sessions(host: string): Promise<Session[]>;
  session(id: string, host: string): Promise<Result<Session>>;
  /** Repeatable; an ended session stays what it is. `reason` is shown to the owner when somebody else cancels. */
  cancel(
    id: string,
    options: { host: string; caller: Caller; reason?: string | undefined },
  ): Promise<Result<Session>>;
  /** Newest first. */
  notifications(): Promise<Notification[]>;
}

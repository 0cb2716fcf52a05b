import type { StreamKind } from "../../contract/frames.ts";
import type { Person } from "../../contract/person.ts";
import type { Placement, SessionState } from "../../contract/session.ts";
import type { AuditEntry } from "../workspace/audit.ts";
import type { LockedOut } from "../workspace/lock.ts";

/** A session that has not ended, as its workspace tells the registry: nothing of what its application shows. */
export type LiveSession = {
  id: string;
  name: string;
  service: string;
  placement: Placement;
  resource: string | null;
  node: string | null;
  state: SessionState;
  canceling: boolean;
  createdAt: number;
  startedAt: number | null;
};

/** A session that has ended, as its workspace tells the registry. */
export type EndedSession = Omit<LiveSession, "canceling"> & {
  /** Why it failed, cut to a line; empty unless it did. */
  error: string;
  endedAt: number | null;
};

/** A workspace at one moment. Times in milliseconds since 1970. */
export type WorkspaceSnapshot = {
  /** Null: nobody has ever logged in to it. */
  owner: Person | null;
  /** Null: they are not locked out. */
  lockedOut: LockedOut | null;
  /** When a browser of the owner's was last used. */
  seen: number | null;
  /** `host` null: no agent has ever connected. `since`: when it came, or went. */
  agent: {
    online: boolean;
    host: string | null;
    user: string | null;
    version: string | null;
    since: number | null;
  };
  sessions: readonly LiveSession[];
  counts: Readonly<Record<SessionState, number>>;
  /** Webhooks that could not be delivered. */
  dead: number;
  /** What was counted in the object's present life, which `run` names; `open` are the relayed streams that are open. */
  counters: {
    run: string;
    values: Readonly<Record<string, number>>;
    open: Readonly<Record<StreamKind, number>>;
  };
};

/** What a workspace sends. It may be sent twice, and arrive late: an older `version` changes nothing. */
export type WorkspaceReport = {
  /** Goes up with each report of a workspace. */
  version: number;
  snapshot: WorkspaceSnapshot;
  /** Those after the last that the registry acknowledged, oldest first. */
  audit: readonly AuditEntry[];
  /** Those that have ended and that the registry has not acknowledged, in the order in which they did. */
  ended: readonly EndedSession[];
  /** How long the oldest change in it has waited. Milliseconds. */
  waitedMs: number;
};

/** What the registry answers: how far it has the audit log, and within which time further reports are to be spread. */
export type WorkspaceReceipt = { acknowledged: number; spreadMs: number };

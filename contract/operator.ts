import { z } from "zod";
import { Placement, SESSION_STATES, SessionState } from "./session.ts";
import { Role, UserId } from "./person.ts";

const time = z.iso.datetime();

/** The most that a reason may have; characters. */
export const REASON_LENGTH = 300;

/** A line that an operator writes to somebody: who reads it is said where it is asked for. */
export const Reason = z
  .string()
  .trim()
  .min(1)
  .max(REASON_LENGTH)
  // Not a regex of the schema: in JSON Schema a pattern has no flags.
  .refine((text) => !/\p{Cc}/u.test(text), "must not hold control characters");

/** Who has locked somebody out, since when, and why, which they read when they try to log in. */
export const LockedOut = z.object({ since: time, by: z.string(), reason: z.string() });
export type LockedOut = z.infer<typeof LockedOut>;

/** Somebody with a workspace, as an operator sees them. Null: they have never logged in, only a platform acts for them. */
export const OperatorUser = z.object({
  id: UserId,
  name: z.string().nullable(),
  email: z.string().nullable(),
  issuer: z.string().nullable(),
  subject: z.string().nullable(),
  role: Role.nullable(),
  groups: z.array(z.string()),
  /** When a browser of theirs was last used. */
  seenAt: time.nullable(),
  /** Null: they are not locked out. */
  lockedOut: LockedOut.nullable(),
});
export type OperatorUser = z.infer<typeof OperatorUser>;

/** A user's workspace, as it last told. */
export const OperatorWorkspace = z.object({
  user: UserId,
  userName: z.string().nullable(),
  /** Where its agent runs, as whom, in which version. Null: none has ever connected. */
  host: z.string().nullable(),
  account: z.string().nullable(),
  version: z.string().nullable(),
  online: z.boolean(),
  /** Since when it is online, or is not. */
  since: time.nullable(),
  /** How many sessions it knows, by state. */
  sessions: z.record(SessionState, z.int()),
  /** Webhooks that could not be delivered to the platform. */
  deadWebhooks: z.int(),
  /** When it last told. */
  toldAt: time,
});
export type OperatorWorkspace = z.infer<typeof OperatorWorkspace>;

/** A live session of anybody's. What its application shows, and where, is its owner's alone. */
export const OperatorSession = z.object({
  user: UserId,
  userName: z.string().nullable(),
  id: z.string(),
  name: z.string(),
  service: z.string(),
  placement: Placement,
  resource: z.string().nullable(),
  node: z.string().nullable(),
  state: SessionState,
  canceling: z.boolean(),
  /** False when its workspace is offline: the rest is then the last that was known. */
  reachable: z.boolean(),
  createdAt: time,
  startedAt: time.nullable(),
});
export type OperatorSession = z.infer<typeof OperatorSession>;

/** A session of anybody's that is over. */
export const EndedSession = OperatorSession.omit({ canceling: true, reachable: true }).extend({
  /** Why it failed, in one line; empty unless it did. */
  error: z.string(),
  /** Null: its agent did not say when. */
  endedAt: time.nullable(),
});
export type EndedSession = z.infer<typeof EndedSession>;

/** One line of the audit log: who did what, to which session, from where, when. */
export const AuditLine = z.object({
  /** Counts up over all workspaces, in the order in which they told: what `after` takes. */
  id: z.int(),
  at: time,
  /** Whose workspace it was done in, and what they are called today. */
  user: UserId,
  userName: z.string().nullable(),
  action: z.string(),
  by: z.object({ user: UserId, name: z.string(), via: z.string() }),
  session: z.string().nullable(),
  /** The address that it was done from; null where none is known. */
  from: z.string().nullable(),
  detail: z.string().nullable(),
});
export type AuditLine = z.infer<typeof AuditLine>;

/** The counts of sessions by state, each of them zero. */
export const noSessions = (): Record<SessionState, number> =>
  Object.fromEntries(SESSION_STATES.map((state) => [state, 0])) as Record<SessionState, number>;

/** A webhook to the platform that nobody took. */
export const DeadWebhook = z.object({
  user: UserId,
  userName: z.string().nullable(),
  id: z.string(),
  session: z.string(),
  type: z.string(),
  attempts: z.int(),
  /** Why the last attempt failed. */
  error: z.string(),
  /** When it was to be told, and when it was given up. */
  at: time,
  diedAt: time,
});
export type DeadWebhook = z.infer<typeof DeadWebhook>;

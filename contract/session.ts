import { z } from "zod";
import { SessionId } from "./ids.ts";

export const PLACEMENTS = ["workspace", "controller", "compute"] as const;
/** Where a session's service process runs (design 1). */
export const Placement = z.enum(PLACEMENTS);
export type Placement = z.infer<typeof Placement>;

export const SESSION_STATES = [
  "submitted",
  "queued",
  "starting",
  "running",
  "completed",
  "failed",
  "canceled",
] as const;
export const SessionState = z.enum(SESSION_STATES);
export type SessionState = z.infer<typeof SessionState>;

const ENDED: ReadonlySet<SessionState> = new Set(["completed", "failed", "canceled"]);

/** True once a session is over; no state follows an ended one. */
export const isEnded = (state: SessionState): boolean => ENDED.has(state);

/** A form input's value as it travels. Numbers and booleans keep their type; a script sees their text. */
export const InputValue = z.union([z.string().max(1_048_576), z.number(), z.boolean()]);
export type InputValue = z.infer<typeof InputValue>;

export const Inputs = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/), InputValue);
export type Inputs = z.infer<typeof Inputs>;

const directive = z
  .string()
  .max(1024)
  .regex(/^[^\n\r\0]*$/, "must be one line");

/** What a batch scheduler is asked for. Walltime in seconds, memory in MiB. */
export const SchedulerRequest = z.strictObject({
  partition: directive.optional(),
  account: directive.optional(),
  qos: directive.optional(),
  walltime: z.int().positive().optional(),
  nodes: z.int().positive().optional(),
  tasksPerNode: z.int().positive().optional(),
  cpusPerTask: z.int().positive().optional(),
  memory: z.int().positive().optional(),
  gpus: z.int().nonnegative().optional(),
  exclusive: z.boolean().optional(),
  directives: z.array(directive).max(64).optional(),
});
export type SchedulerRequest = z.infer<typeof SchedulerRequest>;

/** The body of `POST /api/sessions`. */
export const LaunchRequest = z.strictObject({
  service: z.string().min(1).max(64),
  placement: Placement.default("workspace"),
  resource: z.string().min(1).max(64).optional(),
  inputs: Inputs.default({}),
  scheduler: SchedulerRequest.optional(),
  name: z
    .string()
    .trim()
    .min(1)
    .max(80)
    // Not a regex of the schema: in JSON Schema a pattern has no flags.
    .refine((text) => !/\p{Cc}/u.test(text), "must not hold control characters")
    .optional(),
});
export type LaunchRequest = z.infer<typeof LaunchRequest>;

/** What a session is to be: fixed at launch, sent to the agent, kept by both. Times in milliseconds since 1970. */
export const SessionSpec = z.object({
  id: SessionId,
  name: z.string(),
  service: z.string(),
  placement: Placement,
  resource: z.string().optional(),
  inputs: Inputs,
  scheduler: SchedulerRequest.optional(),
  createdAt: z.int(),
});
export type SessionSpec = z.infer<typeof SessionSpec>;

/** What the user wants of a session; the edge stores it, the agent strives for it. */
export const Want = z.enum(["run", "cancel"]);
export type Want = z.infer<typeof Want>;

export const Queue = z.object({
  position: z.int().optional(),
  reason: z.string().optional(),
  estimatedStart: z.int().optional(),
});
export type Queue = z.infer<typeof Queue>;

/** Characters. What a login or a scheduler says may be longer: the agent cuts it, since a report that does not fit costs the link. */
export const TEXT_LIMITS = { status: 1024, error: 16_384, trouble: 4096, notice: 4096, short: 1024 } as const;

/** What is: the agent's word on one session. `slug` is as `service.json` spells it; times in milliseconds since 1970. */
export const SessionReport = z.object({
  id: SessionId,
  state: SessionState,
  /** The raw `JOB_STATUS`: what the loading page shows. */
  status: z.string().max(TEXT_LIMITS.status),
  /** Set only when the state is `failed`: `ERROR_MESSAGE`. */
  error: z.string().max(TEXT_LIMITS.error),
  /** `me` for HTTP, `sme` for HTTPS. */
  scheme: z.enum(["me", "sme"]),
  port: z.int().min(1024).max(65_535).optional(),
  slug: z.string().max(4096),
  stripPrefix: z.boolean(),
  jobId: z.string().optional(),
  node: z.string().optional(),
  /** When the scheduler took its job, and when the job began to run on its node. */
  submittedAt: z.int().optional(),
  jobStartedAt: z.int().optional(),
  /** When it first ran: when its service answered. */
  startedAt: z.int().optional(),
  endedAt: z.int().optional(),
  /** When the scheduler will end it. */
  endsAt: z.int().optional(),
  queue: Queue.optional(),
  /** What keeps the agent from knowing more: "Cannot ask the scheduler since 14:02: …". */
  trouble: z.string().max(TEXT_LIMITS.trouble).optional(),
});
export type SessionReport = z.infer<typeof SessionReport>;

const time = z.iso.datetime();

/** Who has canceled somebody's session for them: an operator, or the platform. `reason` may be empty. */
export const CanceledBy = z.object({ name: z.string(), reason: z.string() });
export type CanceledBy = z.infer<typeof CanceledBy>;

/** A session as the API shows it. `url` is null until the port is known. */
export const Session = z.object({
  id: z.string(),
  name: z.string(),
  service: z.string(),
  placement: Placement,
  resource: z.string().nullable(),
  /** What the scheduler was asked for, as far as it was said. */
  scheduler: SchedulerRequest.nullable(),
  state: SessionState,
  status: z.string(),
  error: z.string(),
  /** False when the agent is offline: the rest is then the last that was known. */
  reachable: z.boolean(),
  /** True when a cancel was asked for and the session has not ended yet. */
  canceling: z.boolean(),
  /** Null when nobody has canceled it but its owner. */
  canceledBy: CanceledBy.nullable(),
  url: z.string().nullable(),
  port: z.int().nullable(),
  slug: z.string(),
  jobId: z.string().nullable(),
  node: z.string().nullable(),
  createdAt: time,
  submittedAt: time.nullable(),
  jobStartedAt: time.nullable(),
  startedAt: time.nullable(),
  endedAt: time.nullable(),
  endsAt: time.nullable(),
  queue: z.object({
    position: z.int().nullable(),
    reason: z.string().nullable(),
    estimatedStart: time.nullable(),
  }),
  /** What keeps Berth from knowing more of a session on a cluster than stands here. */
  trouble: z.string().nullable(),
});
export type Session = z.infer<typeof Session>;

/** One entry behind the bell. */
export const Notification = z.object({
  id: z.int(),
  session: z.string().nullable(),
  level: z.enum(["info", "warning", "error"]),
  text: z.string(),
  at: time,
});
export type Notification = z.infer<typeof Notification>;

import { z } from "zod";
import { SchedulerRequest } from "./session.ts";

export const SCHEDULERS = ["slurm", "pbs", "none"] as const;
/** What hands out a cluster's nodes; `none`: there is only the controller node. */
export const SchedulerName = z.enum(SCHEDULERS);
export type SchedulerName = z.infer<typeof SchedulerName>;

/** A cluster's name, as `berth resource add` takes it. */
export const ResourceName = z
  .string()
  .max(64)
  .regex(
    /^[a-z0-9][a-z0-9._-]*$/,
    "must begin with a letter or digit and hold only a-z, 0-9, '.', '_' and '-'",
  )
  .refine((name) => name !== "workspace", "is what the user's own machine is called");

const count = z.int().nonnegative();

/** A Slurm partition or a PBS queue. What the scheduler does not tell is null. Walltime in seconds, memory in MiB. */
export const Partition = z.object({
  name: z.string(),
  isDefault: z.boolean(),
  /** Whether it takes and starts jobs; `reason` says why not. */
  state: z.enum(["up", "down", "draining", "inactive"]),
  reason: z.string().nullable(),
  maxWalltime: count.nullable(),
  defaultWalltime: count.nullable(),
  nodes: z.object({ total: count, free: count.nullable() }).nullable(),
  cpusPerNode: count.nullable(),
  memoryPerNode: count.nullable(),
  gpus: z.array(z.object({ type: z.string(), total: count, free: count.nullable() })),
});
export type Partition = z.infer<typeof Partition>;

const { partition, account, qos, walltime } = SchedulerRequest.shape;
/** What a launch on a cluster asks for where it does not say, by its entry in `resources.yaml`. */
const LaunchDefaults = z.object({ partition, account, qos, walltime });
export type LaunchDefaults = z.infer<typeof LaunchDefaults>;

/** A cluster as the agent last saw it. Times in milliseconds since 1970. */
export const Resource = z.object({
  name: ResourceName,
  scheduler: SchedulerName,
  /** How it is reached: what was given to `berth resource add --host`. */
  host: z.string(),
  /** `unasked`: nothing has been needed of it yet. */
  state: z.enum(["unasked", "reachable", "unreachable"]),
  /** Why it cannot be reached, or its scheduler cannot be asked, and since when. */
  trouble: z.object({ text: z.string(), since: z.int() }).nullable(),
  partitions: z.array(Partition),
  defaults: LaunchDefaults.optional(),
  /** When the partitions were last read. */
  askedAt: z.int().nullable(),
});
export type Resource = z.infer<typeof Resource>;

const time = z.iso.datetime();

/** A cluster as the API shows it. */
export const ResourceView = Resource.extend({
  /** False when the agent is offline: the rest is then the last that was known. */
  reachable: z.boolean(),
  trouble: z.object({ text: z.string(), since: time }).nullable(),
  askedAt: time.nullable(),
});
export type ResourceView = z.infer<typeof ResourceView>;

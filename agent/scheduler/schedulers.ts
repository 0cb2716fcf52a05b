import type { ResourceDefinition } from "../resources/resource-definition.ts";
import { none } from "./none.ts";
import { pbs } from "./pbs.ts";
import type { Scheduler } from "./scheduler.ts";
import { slurm } from "./slurm.ts";

/** What starts sessions on the controller node itself, whatever the cluster's scheduler is. */
export const CONTROLLER: Scheduler = none;

/** What hands out a cluster's compute nodes. */
const SCHEDULERS: Record<
  ResourceDefinition["scheduler"],
  (definition: Pick<ResourceDefinition, "pbsDialect">) => Scheduler
> = {
  slurm: () => slurm,
  pbs: ({ pbsDialect }) => pbs(pbsDialect === undefined ? {} : { dialect: pbsDialect }),
  none: () => none,
};

export const schedulerOf = (definition: ResourceDefinition): Scheduler =>
  SCHEDULERS[definition.scheduler](definition);

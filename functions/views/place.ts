import { spellMemory } from "../../contract/memory.ts";
import type { ResourceView } from "../../contract/resource.ts";
import type { CatalogueEntry } from "../../contract/service.ts";
import type { SchedulerRequest, Session } from "../../contract/session.ts";
import { spellWalltime } from "../../contract/walltime.ts";

/** What a launch form says of where the session is to run, as it was typed. */
export type TypedPlace = {
  /** A cluster's name; empty for the workspace; undefined where the form did not ask. */
  resource: string | undefined;
  placement: string | undefined;
  scheduler: TypedScheduler;
};

/** The fields of a scheduler's request, as texts. */
export type TypedScheduler = { readonly [Field in keyof SchedulerRequest]?: string };

/** A session's place as a form spells it. */
export function typedPlace({ resource, placement, scheduler }: Session): TypedPlace {
  const { walltime, memory, directives, ...rest } = scheduler ?? {};
  return {
    resource: resource ?? "",
    placement,
    scheduler: {
      ...Object.fromEntries(Object.entries(rest).map(([field, value]) => [field, String(value)])),
      ...(walltime === undefined ? {} : { walltime: spellWalltime(walltime) }),
      ...(memory === undefined ? {} : { memory: spellMemory(memory) }),
      ...(directives === undefined ? {} : { directives: directives.join("\n") }),
    },
  };
}

/** Where on a cluster a service can run; what a form proposes comes first. */
export const placementsOn = (
  entry: CatalogueEntry,
  resource: Pick<ResourceView, "scheduler">,
): ("compute" | "controller")[] =>
  (["compute", "controller"] as const).filter(
    (placement) =>
      entry.placements.includes(placement) && !(placement === "compute" && resource.scheduler === "none"),
  );

/** True for a service that runs on one of the clusters. */
export const hasCluster = (entry: CatalogueEntry, resources: readonly ResourceView[]): boolean =>
  resources.some((resource) => placementsOn(entry, resource).length > 0);

/** True for a service that can be launched from here: whole, and made for the workspace or a cluster that is there. */
export const isLaunchable = (entry: CatalogueEntry, resources: readonly ResourceView[]): boolean =>
  entry.broken === null && (entry.placements.includes("workspace") || hasCluster(entry, resources));

/** The cluster that a form begins with; empty for the workspace. */
export function proposedResource(entry: CatalogueEntry, resources: readonly ResourceView[]): string {
  const fit = resources.filter((resource) => placementsOn(entry, resource).length > 0);
  const first = fit.find((resource) => resource.state !== "unreachable") ?? fit[0];
  const isHere = entry.placements.includes("workspace") && (entry.installed || first === undefined);
  return isHere ? "" : (first?.name ?? "");
}

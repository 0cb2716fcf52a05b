import type { Resource, ResourceView } from "../../contract/resource.ts";

const iso = (time: number): string => new Date(time).toISOString();

/** A cluster as the API shows it. `reachable` is the workspace's: without its agent this is what was known last. */
export const resourceView = (resource: Resource, reachable: boolean): ResourceView => ({
  ...resource,
  reachable,
  trouble: resource.trouble === null ? null : { ...resource.trouble, since: iso(resource.trouble.since) },
  askedAt: resource.askedAt === null ? null : iso(resource.askedAt),
});

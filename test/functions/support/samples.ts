import { Partition, Resource } from "../../../contract/resource.ts";
import { type CatalogueEntry, ServiceDefinition } from "../../../contract/service.ts";
import { SessionReport, SessionSpec } from "../../../contract/session.ts";

/** A service as an agent lists it: `notebook`, which has no inputs unless told. */
export function service(
  changes: Partial<Omit<CatalogueEntry, "inputs">> & { inputs?: readonly object[] } = {},
): CatalogueEntry {
  const { inputs = [], ...rest } = changes;
  return {
    name: "notebook",
    title: "Notebook",
    description: "",
    icon: null,
    placements: ["workspace"],
    inputs: ServiceDefinition.parse({ inputs }).inputs,
    installed: true,
    missing: [],
    install: [],
    broken: null,
    ...rest,
  };
}

/** A cluster as an agent tells of it: `hopper`, with Slurm and one partition of which little is known. */
export function resource(changes: Partial<Resource> = {}): Resource {
  return Resource.parse({
    name: "hopper",
    scheduler: "slurm",
    host: "ana@login.hopper.example",
    state: "reachable",
    trouble: null,
    partitions: [partition()],
    askedAt: 1_790_000_000_000,
    ...changes,
  });
}

/** A partition of which the scheduler tells nothing but that it is up. */
export function partition(changes: Partial<Partition> = {}): Partition {
  return Partition.parse({
    name: "batch",
    isDefault: true,
    state: "up",
    reason: null,
    maxWalltime: null,
    defaultWalltime: null,
    nodes: null,
    cpusPerNode: null,
    memoryPerNode: null,
    gpus: [],
    ...changes,
  });
}

/** What an agent says of a session: that it runs on port 51458, unless told otherwise. */
export function report(id: string, changes: Partial<SessionReport> = {}): SessionReport {
  return SessionReport.parse({
    id,
    state: "running",
    status: "Running",
    error: "",
    scheme: "me",
    port: 51_458,
    slug: "",
    stripPrefix: true,
    startedAt: 1_790_000_000_000,
    ...changes,
  });
}

/** A session as an agent knows it from its own disk. */
export function spec(id: string, changes: Partial<SessionSpec> = {}): SessionSpec {
  return SessionSpec.parse({
    id,
    name: "Notebook",
    service: "notebook",
    placement: "workspace",
    inputs: {},
    createdAt: 1_780_000_000_000,
    ...changes,
  });
}

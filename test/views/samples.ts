import type { Problem } from "../../contract/problem.ts";
import { Partition, ResourceView } from "../../contract/resource.ts";
import { CatalogueEntry, Input } from "../../contract/service.ts";
import { Session } from "../../contract/session.ts";

/** The time of every sample, and the clock of every rendering: a Monday. */
export const NOW = Date.parse("2026-11-23T12:00:00.000Z");

/** A point in time before now, in ISO 8601. */
export const before = (ms: number): string => new Date(NOW - ms).toISOString();

/** A running notebook, with what the test wants different about it. */
export const session = (different: Partial<Session> = {}): Session =>
  Session.parse({
    id: "s4k2m9x0v7qrt",
    name: "tides",
    service: "jupyter-notebook",
    placement: "workspace",
    resource: null,
    scheduler: null,
    state: "running",
    status: "Running",
    error: "",
    reachable: true,
    canceling: false,
    canceledBy: null,
    url: "/me/51458/tree",
    port: 51458,
    slug: "tree",
    jobId: null,
    node: null,
    createdAt: before(3_600_000),
    submittedAt: null,
    jobStartedAt: null,
    startedAt: before(3_598_700),
    endedAt: null,
    endsAt: null,
    queue: { position: null, reason: null, estimatedStart: null },
    trouble: null,
    ...different,
  } satisfies Session);

/** A partition of which the scheduler tells little, with what the test wants different about it. */
export const partition = (different: Partial<Partition> = {}): Partition =>
  Partition.parse({
    name: "batch",
    isDefault: false,
    state: "up",
    reason: null,
    maxWalltime: null,
    defaultWalltime: null,
    nodes: null,
    cpusPerNode: null,
    memoryPerNode: null,
    gpus: [],
    ...different,
  } satisfies Partition);

/** A cluster with Slurm, with what the test wants different about it. */
export const resource = (different: Partial<ResourceView> = {}): ResourceView =>
  ResourceView.parse({
    name: "hopper",
    scheduler: "slurm",
    host: "ana@login.hopper.example",
    state: "reachable",
    reachable: true,
    trouble: null,
    partitions: [
      partition({ isDefault: true, maxWalltime: 604_800, nodes: { total: 128, free: 12 } }),
      partition({
        name: "gpu",
        maxWalltime: 86_400,
        defaultWalltime: 3600,
        nodes: { total: 8, free: 6 },
        cpusPerNode: 32,
        memoryPerNode: 524_288,
        gpus: [{ type: "a100", total: 32, free: 21 }],
      }),
      partition({ name: "debug", state: "down", reason: "maintenance", nodes: { total: 1, free: null } }),
    ],
    askedAt: before(60_000),
    ...different,
  } satisfies ResourceView);

/** An installed service without inputs, with what the test wants different about it. */
export const entry = (different: Partial<CatalogueEntry> = {}): CatalogueEntry =>
  CatalogueEntry.parse({
    name: "jupyter-notebook",
    title: "Jupyter Notebook",
    description: "Notebooks in Python.",
    icon: null,
    placements: ["workspace"],
    inputs: [],
    installed: true,
    missing: [],
    install: [],
    broken: null,
    ...different,
  });

/** An input as `service.yaml` spells it, its defaults filled in. */
export const input = (spelled: unknown): Input => Input.parse(spelled);

/** Strings that would be more than text in a page that does not escape them. */
export const HOSTILE = [
  `<script>alert(1)</script>`,
  `"><img src=x onerror=alert(1)>`,
  `' onmouseover='alert(1)`,
  `</textarea></pre></title><svg onload=alert(1)>`,
  `&lt;b&gt; & &amp;`,
] as const;

/** All of them in one. */
export const hostile = HOSTILE.join(" ");

export const problem = (different: Partial<Problem> = {}): Problem => ({
  type: "urn:berth:problem:invalid_input",
  title: "An input is not valid",
  status: 400,
  code: "invalid_input",
  detail: "Threads: must be at most 64",
  remedy: "Correct the named field and launch again.",
  ...different,
});

import { reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SchedulerRequest } from "../../../contract/session.ts";
import { TestAgent } from "../support/agent.ts";
import { Browser } from "../support/browser.ts";
import { api, CONSOLE, launch, problemOf } from "../support/edge.ts";
import { resource, service } from "../support/samples.ts";

const ALL = ["workspace", "controller", "compute"] as const;

/** Everything that a scheduler can be asked for. */
const SCHEDULER = {
  partition: "gpu",
  account: "ocean",
  qos: "high",
  walltime: 14_400,
  nodes: 2,
  tasksPerNode: 4,
  cpusPerTask: 8,
  memory: 16_384,
  gpus: 1,
  exclusive: true,
  directives: ["--constraint=a100", "--comment=a b"],
} satisfies Required<SchedulerRequest>;

let agent: TestAgent;

beforeEach(async () => {
  agent = await TestAgent.connect({
    services: [
      service({ placements: [...ALL] }),
      service({ name: "shell", title: "Shell", placements: ["workspace"] }),
    ],
    resources: [
      resource(),
      resource({ name: "box", scheduler: "none", partitions: [], askedAt: null }),
      resource({ name: "lowe", scheduler: "pbs", state: "unreachable" }),
    ],
  });
});

afterEach(async () => {
  await agent[Symbol.asyncDispose]();
  await reset();
});

describe("a launch on a cluster", () => {
  it("takes the resource and everything that its scheduler is asked for to the agent", async () => {
    const session = await launch({
      service: "notebook",
      placement: "compute",
      resource: "hopper",
      scheduler: SCHEDULER,
    });
    expect(session).toMatchObject({ placement: "compute", resource: "hopper", scheduler: SCHEDULER });
    expect((await agent.next("want")).head.wanted.spec).toMatchObject({
      placement: "compute",
      resource: "hopper",
      scheduler: SCHEDULER,
    });
  });

  it.each([
    ["on a controller", { placement: "controller", resource: "hopper" }],
    ["on a controller without a scheduler", { placement: "controller", resource: "box" }],
    ["on what cannot be reached now", { placement: "compute", resource: "lowe" }],
    [
      "in a partition that is not known",
      { placement: "compute", resource: "hopper", scheduler: { partition: "new" } },
    ],
    [
      "for longer than any partition takes",
      { placement: "compute", resource: "hopper", scheduler: { walltime: 99_999_999 } },
    ],
  ] as const)("%s is the cluster's to take or to refuse", async (_what, place) => {
    await launch({ service: "notebook", ...place });
    expect((await agent.next("want")).head.wanted.spec).toMatchObject(place);
  });
});

describe("a launch on a cluster that is not valid starts nothing and names the field:", () => {
  const compute = (scheduler: object): object => ({ placement: "compute", resource: "hopper", scheduler });

  it.each([
    ["no resource", { placement: "compute" }, 404, "unknown_resource", "resource"],
    ["no resource for a controller", { placement: "controller" }, 404, "unknown_resource", "resource"],
    [
      "an unknown resource",
      { placement: "compute", resource: "nowhere" },
      404,
      "unknown_resource",
      "resource",
    ],
    ["a resource for the workspace", { resource: "hopper" }, 400, "invalid_request", "resource"],
    [
      "compute nodes where there is no scheduler",
      { placement: "compute", resource: "box" },
      400,
      "invalid_request",
      "placement",
    ],
    ["a scheduler for the workspace", { scheduler: { gpus: 1 } }, 400, "invalid_request", "scheduler"],
    [
      "a scheduler for a controller",
      { placement: "controller", resource: "hopper", scheduler: {} },
      400,
      "invalid_request",
      "scheduler",
    ],
    [
      "a directive of two lines",
      compute({ directives: ["-n 1", "-n 1\n#SBATCH -w evil"] }),
      400,
      "invalid_request",
      "scheduler.directives.1",
    ],
    [
      "a partition of two lines",
      compute({ partition: "gpu\n#SBATCH -w evil" }),
      400,
      "invalid_request",
      "scheduler.partition",
    ],
    ["an account with a NUL", compute({ account: "a\0b" }), 400, "invalid_request", "scheduler.account"],
    ["a walltime that is text", compute({ walltime: "4h" }), 400, "invalid_request", "scheduler.walltime"],
    ["a walltime of none", compute({ walltime: 0 }), 400, "invalid_request", "scheduler.walltime"],
    ["half a node", compute({ nodes: 0.5 }), 400, "invalid_request", "scheduler.nodes"],
    ["less than no GPU", compute({ gpus: -1 }), 400, "invalid_request", "scheduler.gpus"],
  ])("%s", async (_what, place, status, code, field) => {
    const response = await api("POST", "/api/sessions", { json: { service: "notebook", ...place } });
    const problem = await problemOf(response);
    expect(problem).toMatchObject({ status, code, field });
    expect(problem.detail.startsWith(`${field}: `)).toBe(true);
    expect(await agent.untaken()).toEqual([]);
  });

  it("a placement that the service has not", async () => {
    const json = { service: "shell", placement: "compute", resource: "hopper" };
    expect(await problemOf(await api("POST", "/api/sessions", { json }))).toMatchObject({
      code: "invalid_request",
      field: "placement",
      detail: "placement: Shell runs on workspace, not on compute",
    });
  });
});

describe("the console's form", () => {
  it("launches on a cluster as it was filled in", async () => {
    const browser = await Browser.loggedIn();
    const fields = {
      resource: "hopper",
      placement: "compute",
      "scheduler.partition.hopper": "gpu",
      "scheduler.partition.lowe": "other",
      "scheduler.walltime": "4 h",
      "scheduler.memory": "16G",
      "scheduler.directives": "--constraint=a100\r\n\r\n--comment=a b\r\n",
    };
    const response = await browser.go(`${CONSOLE}/launch/notebook`, {
      method: "POST",
      body: new URLSearchParams(fields).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded", origin: CONSOLE },
    });
    expect(response.status).toBe(303);
    expect((await agent.next("want")).head.wanted.spec).toMatchObject({
      placement: "compute",
      resource: "hopper",
      scheduler: {
        partition: "gpu",
        walltime: 14_400,
        memory: 16_384,
        directives: ["--constraint=a100", "--comment=a b"],
      },
    });
  });
});

import { describe, expect, it } from "vitest";
import type { Session } from "../../contract/session.ts";
import { consoleApp } from "./console-app.ts";
import { all, one, tagsOf, textOf } from "./markup.ts";
import { before, entry, partition, resource, session } from "./samples.ts";

const anywhere = entry({ placements: ["workspace", "controller", "compute"] });
const RESOURCES = [
  resource(),
  resource({
    name: "lowe",
    scheduler: "pbs",
    state: "unreachable",
    trouble: { text: "Connection timed out", since: before(900_000) },
    partitions: [],
    askedAt: null,
  }),
  resource({ name: "box", scheduler: "none", partitions: [], askedAt: null }),
];

const consoleWith = (service = anywhere, resources = RESOURCES) =>
  consoleApp({ services: [service], resources });

const form = async (service = anywhere, resources = RESOURCES): Promise<string> =>
  (await consoleWith(service, resources).get(`/launch/${service.name}`)).text();

/** The radio buttons of a name: value, whether it is chosen, whether it can be. */
const radios = (html: string, name: string): [string, boolean, boolean][] =>
  tagsOf(html)
    .filter(({ attributes }) => attributes.get("name") === name && attributes.get("type") === "radio")
    .map(({ attributes }) => [
      attributes.get("value") ?? "",
      attributes.has("checked"),
      !attributes.has("disabled"),
    ]);

const FILLED = {
  resource: "hopper",
  placement: "compute",
  "scheduler.partition.hopper": "gpu",
  "scheduler.partition.lowe": "ignored",
  "scheduler.account": " ocean ",
  "scheduler.qos": "high",
  "scheduler.walltime": "1:30:00",
  "scheduler.nodes": "2",
  "scheduler.tasksPerNode": "4",
  "scheduler.cpusPerTask": "8",
  "scheduler.memory": "16G",
  "scheduler.gpus": "1",
  "scheduler.exclusive": "true",
  "scheduler.directives": "--constraint=a100\r\n\r\n--comment=a b",
};

const request = async (fields: Record<string, string>, service = anywhere) => {
  const app = consoleWith(service);
  expect((await app.post(`/launch/${service.name}`, fields)).status).toBe(303);
  const { placement, resource: on, scheduler } = app.world.launches[0]?.request ?? {};
  return { placement, resource: on, scheduler };
};

describe("the launch form's place", () => {
  it("offers the workspace and each cluster, and says which cannot be reached", async () => {
    const html = await form();
    expect(radios(html, "resource")).toEqual([
      ["", true, true],
      ["hopper", false, true],
      ["lowe", false, true],
      ["box", false, true],
    ]);
    expect(textOf(html)).toContain("lowe cannot be reached since 11:45 UTC : Connection timed out");
    expect(radios(html, "placement")).toEqual([
      ["controller", false, true],
      ["compute", true, true],
    ]);
  });

  it("offers a cluster without a scheduler only for what runs on a controller", async () => {
    const html = await form(entry({ placements: ["compute"] }));
    expect(radios(html, "resource")).toEqual([
      ["hopper", true, true],
      ["lowe", false, true],
      ["box", false, false],
    ]);
    expect(radios(html, "placement")).toEqual([]);
    expect(one(html, "data-place", "compute").attributes.has("data-unmet")).toBe(false);
  });

  it("proposes a cluster for what is not installed on the workspace", async () => {
    const html = await form(entry({ ...anywhere, installed: false }));
    expect(radios(html, "resource").find(([, chosen]) => chosen)?.[0]).toBe("hopper");
  });

  it("has the partitions with what is free, the limit and what is down", async () => {
    const html = await form();
    const text = textOf(html.slice(one(html, "data-resource", "hopper").at));
    expect(text).toContain("Default, batch — 12 of 128 nodes free, up to 7 d");
    expect(text).toContain("gpu — 6 of 8 nodes free, up to 24 h, GPUs");
    expect(text).toContain("debug — down, 1 node");
    const gpu = all(html, "option").find((tag) => tag.attributes.get("value") === "gpu");
    expect(gpu?.attributes.has("data-gpus")).toBe(true);
    expect(one(html, "name", "scheduler.partition.lowe").name).toBe("input");
  });

  it("says what the partition gives and takes", async () => {
    const html = await form(entry({ ...anywhere, installed: false }), [
      resource({ partitions: [partition({ isDefault: true, maxWalltime: 86_400, defaultWalltime: 3600 })] }),
    ]);
    expect(textOf(html)).toContain(
      "batch gives 1 h, and up to 24 h when asked; what asks for more does not start.",
    );
  });

  it("shows what the cluster's entry asks for where a launch does not say", async () => {
    const defaults = { partition: "gpu", account: "ocean", qos: "high", walltime: 28_800 };
    const html = await form(entry({ ...anywhere, installed: false }), [resource({ defaults })]);
    const text = textOf(html);
    expect(text).toContain("Default, gpu — 6 of 8 nodes free");
    expect(text).toContain(
      "gpu gives 8 h, and up to 24 h when asked; what asks for more does not start. Left empty: account ocean, QoS high.",
    );
    const gone = await form(anywhere, [resource({ defaults: { partition: "night" } })]);
    expect(textOf(gone)).toContain("Default, night");
  });

  it("is asked of nobody whose service needs the workspace only", async () => {
    const html = await form(entry());
    expect(radios(html, "resource")).toEqual([]);
    expect(html).not.toContain("scheduler.");
    expect(textOf(html)).toContain("Runs in your workspace, hopper-login");
    expect(textOf(html)).not.toContain("berth resource add");
  });

  it("teaches how to add a cluster where there is none", async () => {
    const html = await form(anywhere, []);
    expect(radios(html, "resource")).toEqual([]);
    expect(textOf(html)).toContain("./berth resource add hopper --host me@login.hopper.example");
    expect(textOf(await form(entry({ placements: ["compute"] }), []))).toContain("no cluster is there");
  });
});

describe("the form of a launch again", () => {
  const again = async (earlier: Partial<Session>, id = "s4k2m9x0v7qrt"): Promise<string> => {
    const sessions = [session({ endedAt: before(0), state: "failed", ...earlier })];
    const app = consoleApp({ services: [anywhere], resources: RESOURCES, sessions });
    return (await app.get(`/launch/jupyter-notebook?again=${id}`)).text();
  };
  const filled = (html: string, field: string): string | undefined =>
    one(html, "name", `scheduler.${field}`).attributes.get("value");

  it("begins with the place and the name of the session before", async () => {
    const html = await again({
      placement: "compute",
      resource: "hopper",
      scheduler: {
        partition: "gpu",
        walltime: 5400,
        memory: 16_384,
        gpus: 2,
        directives: ["-C a100", "-x c1"],
      },
    });
    expect(radios(html, "resource").find(([, chosen]) => chosen)?.[0]).toBe("hopper");
    const gpu = all(html, "option").find((tag) => tag.attributes.get("value") === "gpu");
    expect(gpu?.attributes.has("selected")).toBe(true);
    const fields = ["walltime", "memory", "gpus"].map((field) => filled(html, field));
    expect(fields).toEqual(["1 h 30 m", "16 GiB", "2"]);
    expect(html).toContain("-C a100\n-x c1</textarea>");
    expect(one(html, "name", "name").attributes.get("value")).toBe("tides");
    expect(html).not.toContain('role="alert"');
  });

  it("begins on the workspace for a session that ran there", async () => {
    expect(radios(await again({}), "resource").find(([, chosen]) => chosen)?.[0]).toBe("");
  });

  it.each([
    ["a cluster that is gone", { placement: "compute", resource: "gone" }, undefined],
    ["another service", { service: "vscode", placement: "compute", resource: "hopper" }, undefined],
    ["a session that is not there", {}, "snone"],
  ] as const)("begins as ever after %s", async (_, earlier, id) => {
    expect(radios(await again(earlier, id), "resource").find(([, chosen]) => chosen)?.[0]).toBe("");
  });
});

describe("a launch on a cluster", () => {
  it("asks for everything that was filled in", async () => {
    expect(await request(FILLED)).toEqual({
      placement: "compute",
      resource: "hopper",
      scheduler: {
        partition: "gpu",
        account: "ocean",
        qos: "high",
        walltime: 5400,
        nodes: 2,
        tasksPerNode: 4,
        cpusPerTask: 8,
        memory: 16_384,
        gpus: 1,
        exclusive: true,
        directives: ["--constraint=a100", "--comment=a b"],
      },
    });
  });

  it("leaves to the cluster what was left empty", async () => {
    const empty = Object.fromEntries(Object.keys(FILLED).map((name) => [name, ""]));
    const fields = { ...empty, resource: "hopper", placement: "compute" };
    expect(await request(fields)).toEqual({ placement: "compute", resource: "hopper", scheduler: undefined });
  });

  it.each([
    ["the workspace", { resource: "" }, { placement: "workspace" }],
    ["a controller", { placement: "controller" }, { placement: "controller", resource: "hopper" }],
    ["a cluster without a scheduler", { resource: "box" }, { placement: "controller", resource: "box" }],
  ])("passes over what counts on compute nodes only when it is for %s", async (_what, place, expected) => {
    expect(await request({ ...FILLED, ...place })).toEqual({
      resource: undefined,
      scheduler: undefined,
      ...expected,
    });
  });

  it("needs no placement where there is only one", async () => {
    const { placement } = await request({ resource: "hopper" }, entry({ placements: ["compute"] }));
    expect(placement).toBe("compute");
  });
});

describe("a launch on a cluster with a mistake", () => {
  const refused = async (fields: Record<string, string>): Promise<string> => {
    const app = consoleWith();
    const answer = await app.post("/launch/jupyter-notebook", { ...FILLED, ...fields });
    expect([answer.status, app.world.launches]).toEqual([400, []]);
    return answer.text();
  };

  it.each([
    ["walltime", "4", "Must be like 4h, 90m, 1:30:00 or 2-00:00:00."],
    ["memory", "16", "Must be like 16G or 4096M."],
    ["gpus", "many", "Must be a whole number, at least 0."],
    ["nodes", "0", "Must be a whole number, at least 1."],
    ["cpusPerTask", "1.5", "Must be a whole number, at least 1."],
    ["account", "a\nb", "Must be one line."],
  ])("in %s says so there, and brings back what was typed", async (field, typed, message) => {
    const html = await refused({ [`scheduler.${field}`]: typed });
    const control = one(html, "name", `scheduler.${field}`).attributes;
    expect([control.get("aria-invalid"), control.has("autofocus"), control.get("value")]).toEqual([
      "true",
      true,
      typed,
    ]);
    expect(textOf(html.slice(one(html, "id", `scheduler-${field}-error`).at)).startsWith(message)).toBe(true);
    expect(tagsOf(html).filter((tag) => tag.attributes.has("autofocus"))).toHaveLength(1);
    expect(radios(html, "resource").find(([, chosen]) => chosen)?.[0]).toBe("hopper");
    const selected = all(html, "option").filter((tag) => tag.attributes.has("selected"));
    expect(selected.map((tag) => tag.attributes.get("value"))).toEqual(["gpu"]);
    const box = one(html, "name", "scheduler.exclusive").attributes;
    expect(box.has("checked")).toBe(true);
    expect(one(html, "class", "more-fields").attributes.has("open")).toBe(true);
    const directives = one(html, "name", "scheduler.directives");
    expect(html.slice(directives.end)).toMatch(/^\n--constraint=a100\n\n--comment=a b<\/textarea>/);
  });

  it("in one of many directives says so at the directives", async () => {
    const html = await refused({ "scheduler.directives": `-n 1\n${"x".repeat(2000)}` });
    expect(one(html, "name", "scheduler.directives").attributes.get("aria-invalid")).toBe("true");
  });

  it("in the partition says so at the chosen cluster's", async () => {
    const html = await refused({ "scheduler.partition.hopper": "a\0b" });
    expect(one(html, "name", "scheduler.partition.hopper").attributes.get("aria-invalid")).toBe("true");
    expect(one(html, "name", "scheduler.partition.lowe").attributes.has("aria-invalid")).toBe(false);
  });

  it("in the placement says so there", async () => {
    const html = await refused({ placement: "moon" });
    expect(one(html, "id", "placement-error").attributes.get("role")).toBe("alert");
  });
});

import { evictDurableObject, reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Input } from "../../../contract/service.ts";
import { Session } from "../../../contract/session.ts";
import { TestAgent } from "../support/agent.ts";
import { api, launch, problemOf, sessionNamed, workspace } from "../support/edge.ts";
import { service } from "../support/samples.ts";

const SERVICES = [
  service(),
  service({
    name: "form",
    title: "Form",
    inputs: [
      { name: "folder", type: "string", required: true, label: "Folder", maxLength: 16, pattern: "[a-z/]+" },
      { name: "cores", type: "number", integer: true, min: 1, max: 8, default: 2 },
      { name: "dark", type: "boolean" },
      { name: "theme", type: "choice", options: [{ value: "light" }, { value: "dark" }] },
      { name: "notes", type: "multiline" },
    ],
  }),
  service({ name: "broken", title: "Broken", broken: "service.yaml: url must be /me or /sme" }),
];

let agent: TestAgent;

beforeEach(async () => {
  agent = await TestAgent.connect({ services: SERVICES });
});

afterEach(async () => {
  await agent[Symbol.asyncDispose]();
  await reset();
});

const post = (json: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  api("POST", "/api/sessions", { json, headers });

describe("a launch", () => {
  it("answers 201 with the session and where it is, and tells the agent", async () => {
    const response = await post({ service: "notebook", placement: "workspace", inputs: {}, name: "Tides" });
    const session = Session.parse(await response.json());
    expect(response.status).toBe(201);
    expect(response.headers.get("location")).toBe(`/api/sessions/${session.id}`);
    expect(session).toMatchObject({
      name: "Tides",
      service: "notebook",
      placement: "workspace",
      resource: null,
      state: "submitted",
      reachable: true,
      canceling: false,
      url: null,
      port: null,
      error: "",
    });
    expect(await sessionNamed(session.id)).toEqual(session);
    const { wanted } = (await agent.next("want")).head;
    expect(wanted.want).toBe("run");
    expect(wanted.spec).toMatchObject({ id: session.id, name: "Tides", service: "notebook", inputs: {} });
    expect(new Date(wanted.spec.createdAt).toISOString()).toBe(session.createdAt);
  });

  it("fills in what was left out", async () => {
    const session = await launch({ service: "form", inputs: { folder: "home" } });
    expect(session).toMatchObject({ name: "Form", placement: "workspace" });
    expect((await agent.next("want")).head.wanted.spec.inputs).toEqual({
      folder: "home",
      cores: 2,
      dark: false,
      theme: "light",
      notes: "",
    });
  });

  it("takes any text to the agent as that very text", async () => {
    const notes = `"; touch x; "\n$(id) \`id\` '\\ <b> \u{1F4A1} ${"x".repeat(100_000)}`;
    await launch({ service: "form", inputs: { folder: "home", notes } });
    expect((await agent.next("want")).head.wanted.spec.inputs["notes"]).toBe(notes);
  });

  it("of a service that is gone from the catalogue is refused", async () => {
    agent.send({ type: "catalogue", services: [service({ name: "other" })] });
    await agent.untaken();
    expect(await problemOf(await post({ service: "notebook" }))).toMatchObject({ code: "unknown_service" });
    await launch({ service: "other" });
  });
});

describe("a pattern", () => {
  it("that takes for ever is not tried at the edge, where others would wait for it", async () => {
    const input = { name: "folder", type: "string", pattern: "(a+)+" } as const;
    agent.send({ type: "catalogue", services: [service({ name: "slow", inputs: [Input.parse(input)] })] });
    await agent.untaken();
    const inputs = { folder: `${"a".repeat(64)}!` };
    await launch({ service: "slow", inputs });
    expect((await agent.next("want")).head.wanted.spec.inputs).toEqual(inputs);
  });
});

describe("an Idempotency-Key", () => {
  const key = { "idempotency-key": "4f1c6b1e" };

  it("makes one session of two launches", async () => {
    const [first, second] = [
      await post({ service: "notebook" }, key),
      await post({ service: "notebook" }, key),
    ];
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.headers.get("location")).toBe(first.headers.get("location"));
    expect(await second.json()).toEqual(await first.json());
    expect(await (await api("GET", "/api/sessions")).json()).toHaveLength(1);
    expect((await agent.untaken()).map(({ type }) => type)).toEqual(["want"]);
  });

  it("makes one session of many launches at once", async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => post({ service: "notebook" }, key)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      ...Array<number>(7).fill(200),
      201,
    ]);
    expect(await (await api("GET", "/api/sessions")).json()).toHaveLength(1);
  });

  it("is remembered when the object was evicted, and while the agent is away", async () => {
    const first = await post({ service: "notebook" }, key);
    await agent[Symbol.asyncDispose]();
    await evictDurableObject(workspace());
    const second = await post({ service: "notebook" }, key);
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(Session.parse(await second.json()).id).toBe(Session.parse(await first.json()).id);
  });

  it("does not distinguish what means the same", async () => {
    await post({ service: "notebook", name: "a" }, key);
    const same = await post({ inputs: {}, name: " a ", placement: "workspace", service: "notebook" }, key);
    expect(same.status).toBe(200);
  });

  it("with another launch is a conflict", async () => {
    await post({ service: "notebook" }, key);
    const other = await post({ service: "notebook", name: "other" }, key);
    expect(await problemOf(other)).toMatchObject({ status: 409, code: "idempotency_conflict" });
    expect(await (await api("GET", "/api/sessions")).json()).toHaveLength(1);
  });

  it("of a launch that was refused may be used again", async () => {
    expect((await post({ service: "unknown" }, key)).status).toBe(404);
    expect((await post({ service: "notebook" }, key)).status).toBe(201);
  });

  it("may be any", async () => {
    const keys = ["a", "b", "constructor"].map((name) => ({ "idempotency-key": name }));
    for (const header of keys) expect((await post({ service: "notebook" }, header)).status).toBe(201);
    const long = await post({ service: "notebook" }, { "idempotency-key": "k".repeat(256) });
    expect(await problemOf(long)).toMatchObject({ status: 400, field: "idempotency-key" });
  });
});

describe("a launch that is not valid starts nothing and names the field:", () => {
  const form = (inputs: object): object => ({ service: "form", inputs: { folder: "home", ...inputs } });

  it.each([
    ["an unknown service", { service: "nothing" }, 404, "unknown_service", "service"],
    ["a service whose folder is broken", { service: "broken" }, 400, "invalid_request", "service"],
    ["no service", {}, 400, "invalid_request", "service"],
    ["a service that is no text", { service: 1 }, 400, "invalid_request", "service"],
    ["an unknown placement", { service: "notebook", placement: "moon" }, 400, "invalid_request", "placement"],
    [
      "a placement that the service has not",
      { service: "notebook", placement: "compute" },
      400,
      "invalid_request",
      "placement",
    ],
    ["an unknown resource", { service: "notebook", resource: "hopper" }, 404, "unknown_resource", "resource"],
    ["an unknown field", { service: "notebook", slug: "lab" }, 400, "invalid_request", "slug"],
    [
      "a scheduler's unknown field",
      { service: "notebook", scheduler: { queue: "x" } },
      400,
      "invalid_request",
      "scheduler.queue",
    ],
    [
      "a directive of two lines",
      { service: "notebook", scheduler: { directives: ["-n 1\n#SBATCH -w evil"] } },
      400,
      "invalid_request",
      "scheduler.directives.0",
    ],
    ["a name of two lines", { service: "notebook", name: "a\nb" }, 400, "invalid_request", "name"],
    ["an empty name", { service: "notebook", name: " " }, 400, "invalid_request", "name"],
    ["a missing input", { service: "form" }, 400, "invalid_input", "inputs.folder"],
    ["an empty input", form({ folder: "" }), 400, "invalid_input", "inputs.folder"],
    ["an input that is too long", form({ folder: "a".repeat(17) }), 400, "invalid_input", "inputs.folder"],
    ["an ill-typed input", form({ cores: "many" }), 400, "invalid_input", "inputs.cores"],
    ["a number that is too large", form({ cores: 9 }), 400, "invalid_input", "inputs.cores"],
    ["a number that is not whole", form({ cores: 1.5 }), 400, "invalid_input", "inputs.cores"],
    ["a boolean that is none", form({ dark: "maybe" }), 400, "invalid_input", "inputs.dark"],
    ["a choice that is none", form({ theme: "sepia" }), 400, "invalid_input", "inputs.theme"],
    ["an input that the form has not", form({ PATH: "/tmp" }), 400, "invalid_input", "inputs.PATH"],
    ["an input that is no value", form({ notes: { a: 1 } }), 400, "invalid_request", "inputs.notes"],
    ["an input whose name is none", form({ "a;b": "x" }), 400, "invalid_request", "inputs.a;b"],
    ["a NUL", form({ notes: "a\0b" }), 400, "invalid_input", "inputs.notes"],
  ])("%s", async (_what, json, status, code, field) => {
    const problem = await problemOf(await post(json));
    expect(problem).toMatchObject({ status, code, field });
    expect(problem.detail).not.toBe("");
    expect(problem.remedy).not.toBe("");
    expect(await agent.untaken()).toEqual([]);
    expect(await (await api("GET", "/api/sessions")).json()).toEqual([]);
  });

  it.each([
    ["no JSON", "{", "application/json"],
    ["no body", "", "application/json"],
    ["JSON that is no object", "[]", "application/json"],
    ["null", "null", "application/json"],
    ["no content type", '{"service":"notebook"}', ""],
    ["a form", "service=notebook", "application/x-www-form-urlencoded"],
    ["text", '{"service":"notebook"}', "text/plain"],
  ])("%s", async (_what, body, type) => {
    const response = await api("POST", "/api/sessions", { body, headers: { "content-type": type } });
    expect(await problemOf(response)).toMatchObject({ status: 400, code: "invalid_request" });
    expect(await agent.untaken()).toEqual([]);
  });

  it.each([
    ["more text than an input holds", { notes: "x".repeat(1_048_577) }, 400],
    ["more than the edge keeps of a session", { notes: "\u0001".repeat(1_048_576) }, 413],
    ["more than the edge takes in at once", { notes: "x".repeat(9_000_000) }, 413],
  ])("%s", async (_what, inputs, status) => {
    expect((await problemOf(await post(form(inputs)))).status).toBe(status);
    expect(await agent.untaken()).toEqual([]);
  });
});

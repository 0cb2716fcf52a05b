import { reset } from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { LaunchRequest } from "../../../contract/session.ts";
import { tokenOf } from "../support/account.ts";
import { TestAgent } from "../support/agent.ts";
import { Browser } from "../support/browser.ts";
import { api, ask, CONSOLE, launch } from "../support/edge.ts";
import { running } from "../support/running.ts";
import { report, resource, service } from "../support/samples.ts";

const Json = z.record(z.string(), z.unknown());
const Content = z.record(z.string(), z.object({ schema: Json }));
const Operation = z.object({
  summary: z.string().min(1),
  security: z.array(z.record(z.string(), z.array(z.string()))).optional(),
  parameters: z
    .array(
      z.object({
        name: z.string(),
        in: z.enum(["path", "query", "header"]),
        required: z.boolean().optional(),
        schema: Json,
      }),
    )
    .default([]),
  requestBody: z.object({ content: Content }).optional(),
  responses: z.record(
    z.string().regex(/^[1-5]\d\d$|^default$/),
    z.object({ description: z.string().min(1), content: Content.optional() }),
  ),
});
const OpenApi = z.object({
  openapi: z.literal("3.1.0"),
  info: z.object({ title: z.string(), version: z.string() }),
  components: z.object({
    securitySchemes: z.object({ token: z.object({ type: z.literal("http"), scheme: z.literal("bearer") }) }),
    schemas: z.record(z.string(), Json),
  }),
  paths: z.record(z.string().startsWith("/"), z.partialRecord(z.enum(["get", "post", "delete"]), Operation)),
});
type Operation = z.infer<typeof Operation>;

let document: z.infer<typeof OpenApi>;
let agent: TestAgent;

beforeAll(async () => {
  document = OpenApi.parse(await (await api("GET", "/openapi.json")).json());
  agent = await TestAgent.connect({
    services: [service({ inputs: [{ name: "folder", type: "string", help: "where" }] })],
    resources: [resource({ trouble: { text: "timed out", since: 1_790_000_000_000 } })],
  });
});

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await reset();
});

const operations = (): [string, Operation][] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method} ${path}`,
      operation,
    ]),
  );

/** A validator of one of the document's own schemas, such as a reader of the document would make. */
function schemaOf(name: string, isArray = false): z.ZodType {
  const ref = { $ref: `#/$defs/${name}` };
  const $defs = JSON.parse(
    JSON.stringify(document.components.schemas).replaceAll("#/components/schemas/", "#/$defs/"),
  );
  return z.fromJSONSchema({ ...(isArray ? { type: "array", items: ref } : ref), $defs });
}

/** What needs no login: it tells nothing, or the request brings a proof of its own. */
const WITHOUT_LOGIN = new Set([
  "get /healthz",
  "post /enroll/poll",
  "post /enroll/start",
  "post /webhooks/platform",
]);

describe("the OpenAPI document", () => {
  it.each([
    "get /api/agent",
    "get /api/agents",
    "delete /api/agents/{id}",
    "delete /api/sessions/{id}/shares/{share}",
    "delete /api/tokens/{id}",
    "get /api/events",
    "get /api/logins",
    "get /api/me",
    "get /api/notifications",
    "get /api/resources",
    "get /api/resources/{name}",
    "get /api/services",
    "get /api/services/{name}",
    "get /api/sessions",
    "get /api/sessions/{id}",
    "get /api/sessions/{id}/logs",
    "get /api/sessions/{id}/shares",
    "get /api/tokens",
    "get /healthz",
    "get /me/{port}/{path}",
    "get /openapi.json",
    "get /sme/{port}/{path}",
    "post /api/login-links",
    "post /api/logins/{id}/end",
    "post /api/sessions",
    "post /api/sessions/{id}/cancel",
    "post /api/sessions/{id}/shares",
    "post /api/tokens",
  ])("has %s", (name) => {
    expect(operations().map(([key]) => key)).toContain(name);
  });

  it("says of each operation who may call it, and that others get a problem", () => {
    for (const [name, { security, responses }] of operations()) {
      if (WITHOUT_LOGIN.has(name)) continue;
      expect([name, security]).toEqual([name, [{ token: [] }]]);
      for (const [status, { content }] of Object.entries(responses)) {
        if (!/^[45]/.test(status)) continue;
        const told = [
          name,
          status,
          Object.keys(content ?? {}),
          content?.["application/problem+json"]?.schema,
        ];
        expect(told).toEqual([
          name,
          status,
          ["application/problem+json"],
          { $ref: "#/components/schemas/Problem" },
        ]);
      }
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(["401", "403", "503"]));
    }
  });

  it("says what each operation answers", () => {
    for (const [name, { responses }] of operations()) {
      const good = Object.entries(responses).filter(([status]) => /^2|^default/.test(status));
      expect([name, good.length > 0]).toEqual([name, true]);
      for (const [status, { content }] of good)
        if (!/\/s?me\//.test(name) && status !== "204") expect(Object.keys(content ?? {})).not.toEqual([]);
    }
  });

  it("describes each parameter of a path, and no other", () => {
    for (const [name, { parameters }] of operations()) {
      const inPath = parameters.filter((parameter) => parameter.in === "path");
      const named = [...name.matchAll(/\{(\w+)\}/g)].map(([, key]) => key);
      expect([name, inPath.map((parameter) => parameter.name)]).toEqual([name, named]);
      expect(inPath.every(({ required }) => required === true)).toBe(true);
    }
  });

  it("refers to nothing that it does not hold", () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref ?? "");
    expect(refs.length).toBeGreaterThan(10);
    for (const ref of refs)
      expect(
        Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`),
      ).toContain(ref);
  });
});

describe("what the API answers is what the document says:", () => {
  const answered = async (path: string): Promise<unknown> => (await api("GET", path)).json();

  it("a session, in each of its states", async () => {
    await launch({ service: "notebook" });
    await agent.next("want");
    const session = await running(agent, {
      queue: { position: 1 },
      node: "c1",
      jobId: "7",
      endsAt: 1_790_000_000_000,
    });
    expect(schemaOf("Session").parse(await answered(`/api/sessions/${session.id}`))).toEqual(session);
    await agent.report(report(session.id, { state: "failed", status: "Failed", error: "died", endedAt: 1 }));
    expect(schemaOf("Session", true).parse(await answered("/api/sessions"))).toHaveLength(2);
    expect(() => schemaOf("Session").parse({ ...session, state: "happy" })).toThrow("Invalid");
    expect(() => schemaOf("Session").parse({ ...session, url: 1 })).toThrow("Invalid");
  });

  it.each([
    ["Resource", "/api/resources", true],
    ["Resource", "/api/resources/hopper", false],
    ["Service", "/api/services", true],
    ["Service", "/api/services/notebook", false],
    ["Notification", "/api/notifications", true],
    ["Agent", "/api/agent", false],
    ["Me", "/api/me", false],
    ["ApiToken", "/api/tokens", true],
    ["Login", "/api/logins", true],
  ])("%s, by %s", async (name, path, isArray) => {
    const answer = await answered(path);
    expect(schemaOf(name, isArray).parse(answer)).toEqual(answer);
  });

  it("a token that was made, and one that is listed", async () => {
    const browser = await Browser.loggedIn();
    const made = await tokenOf(browser, ["launch"], { expiresInDays: 1 });
    expect(schemaOf("CreatedToken").parse(made)).toEqual(made);
    expect(schemaOf("ApiToken", true).parse(await answered("/api/tokens"))).toHaveLength(1);
    expect(schemaOf("NewToken").safeParse({ name: "x", scopes: [] }).success).toBe(false);
  });

  it("a login link", async () => {
    const response = await api("POST", "/api/login-links");
    schemaOf("LoginLink").parse(await response.json());
  });

  it.each(["/api/sessions/s000000000000", "/api/services/nothing", "/api/resources/nothing", "/nothing"])(
    "a problem, by %s",
    async (path) => {
      const answer = await answered(path);
      expect(schemaOf("Problem").parse(answer)).toEqual(answer);
    },
  );

  it("a problem of a stranger", async () => {
    schemaOf("Problem").parse(await (await ask(`${CONSOLE}/api/sessions`)).json());
  });
});

it("the launch that the document describes is the launch that is taken", () => {
  const described = schemaOf("Launch");
  const scheduler = { partition: "gpu", nodes: 1, gpus: 0, directives: ["--exclusive"] };
  const good = {
    service: "notebook",
    placement: "compute",
    resource: "hopper",
    inputs: { a: "1", b: 2, c: true },
    scheduler,
    name: "x",
  };
  expect(described.parse(good)).toMatchObject(LaunchRequest.parse(good));
  for (const bad of [
    {},
    { service: "" },
    { service: "x", placement: "moon" },
    { service: "x", slug: "y" },
    { service: "x", inputs: { a: null } },
  ]) {
    expect(LaunchRequest.safeParse(bad).success).toBe(false);
    expect([bad, described.safeParse(bad).success]).toEqual([bad, false]);
  }
});

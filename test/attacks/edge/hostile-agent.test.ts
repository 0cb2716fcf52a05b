import { env } from "cloudflare:workers";
import { reset, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SessionId, type StreamId } from "../../../contract/ids.ts";
import { dataHeaders } from "../../../functions/security-headers.ts";
import { TestAgent } from "../../functions/support/agent.ts";
import { ask, CONSOLE } from "../../functions/support/edge.ts";
import { Household } from "../../functions/support/household.ts";
import { person } from "../../functions/support/people.ts";
import { report, resource, service, spec } from "../../functions/support/samples.ts";
// Sharing needs a host for each session.
import "../../functions/support/sharing.ts";
import { bytes } from "../../functions/support/streams.ts";

let ana: Household;
let ben: Household;
let before: unknown;

beforeEach(async () => {
  [ana, ben] = [await Household.of("ana", 51_458), await Household.of("ben", 51_459)];
  before = await ana.state();
});
afterEach(async () => {
  await ana[Symbol.asyncDispose]();
  await ben[Symbol.asyncDispose]();
  await reset();
});

/** A request of Ana's that waits for its answer. */
async function waiting(): Promise<{ answer: Promise<Response>; id: StreamId }> {
  const answer = ana.ask("POST", "/me/51458/save", { secret: "of Ana's" });
  const { head } = await ana.agent.next("request");
  return { answer, id: head.id };
}

const finish = async ({ answer, id }: Awaited<ReturnType<typeof waiting>>): Promise<string> => {
  const end = { status: 200, headers: [], length: 4, end: true } satisfies object;
  ana.agent.send({ type: "response", id, ...end }, bytes("hers"));
  return (await answer).text();
};

describe("another user's agent", () => {
  it("says nothing of a session that is not its user's", async () => {
    const id = SessionId.parse(ana.session.id);
    ben.agent.send({ type: "report", report: report(id, { state: "failed", status: "Failed", error: "x" }) });
    ben.agent.send({ type: "report", report: report(id, { port: 40_000 }) });
    ben.agent.send({ type: "notify", session: id, level: "error", text: "look at https://evil.example" });
    ben.agent.send({ type: "active", visitors: [`login:${ana.login}`, `token:${ana.program.id}`] });
    await ben.agent.untaken();
    expect(await ana.state()).toEqual(before);
    expect(await (await ana.ask("GET", "/api/notifications")).text()).not.toContain("evil");
  });

  it("answers no request of another's, by no road", async () => {
    const held = await waiting();
    const { id } = held;
    ben.agent.send({ type: "response", id, status: 200, headers: [], length: 3, end: true }, bytes("ben"));
    ben.agent.send({ type: "segment", id, seq: 0, end: true }, bytes("ben"));
    ben.agent.send({ type: "fail", id, code: "broken", message: "ben" });
    await ben.agent.untaken();
    const url = `${CONSOLE}/agent/streams/${id}`;
    const { headers } = ben.enrolment;
    const roads = [
      ["", { headers }],
      ["?seq=1", { method: "POST", headers, body: "ben" }],
      ["", { headers: { ...headers, upgrade: "websocket" } }],
    ] as const;
    for (const [query, init] of roads) expect((await ask(url + query, init)).status).toBe(404);
    expect(await finish(held)).toBe("hers");
  });

  it("that names another's session in its hello has it in its own workspace alone, and cannot share it", async () => {
    await ana.share(await person("cleo"));
    const id = SessionId.parse(ana.session.id);
    const own = [{ spec: spec(id, { name: "mine now" }), report: report(id, { port: 51_459 }) }];
    ben.agent.hello({ sessions: own });
    await ben.agent.untaken();
    expect(await (await ana.ask("GET", `/api/sessions/${id}`)).json()).toMatchObject({
      name: "anas-session",
    });
    const shared = await ben.ask("POST", `/api/sessions/${id}/shares`, {
      with: { kind: "user", subject: "cleo" },
    });
    expect(shared.status).toBeGreaterThanOrEqual(400);
    expect(await (await ana.ask("GET", `/api/sessions/${id}/shares`)).json()).toHaveLength(1);
    expect((await ana.ask("GET", `/api/agent`)).status).toBe(200);
  });
});

describe("an agent that says more than the protocol has", () => {
  it("has no unknown field kept, and none of a prototype", async () => {
    const { id } = ben.session;
    const more =
      '"isOperator":true,"__proto__":{"role":"operator"},"constructor":{"prototype":{"role":"operator"}}';
    const text = JSON.stringify({ type: "report", report: report(id, { port: 51_459, status: "Odd" }) });
    ben.agent.sendRaw(text.replace(/^\{/, `{${more},`).replace('"report":{', `"report":{${more},`));
    await ben.agent.untaken();
    expect(await (await ben.ask("GET", `/api/sessions/${id}`)).json()).toMatchObject({ status: "Odd" });
    const kept = await runInDurableObject(env.WORKSPACE.getByName(ben.somebody.id), (_object, { storage }) =>
      JSON.stringify(storage.sql.exec("SELECT * FROM sessions").toArray()),
    );
    expect(kept).not.toMatch(/isOperator|operator/);
    expect(Reflect.get({}, "role")).toBeUndefined();
  });

  it("has its link closed for what is no frame, and nobody else has", async () => {
    ben.agent.sendRaw('{"type":"launch","service":"anas-service"}');
    expect(await ben.agent.closed).toMatchObject({ code: 1008 });
    expect(await finish(await waiting())).toBe("hers");
  });

  it.each([
    ["a port of the system's", { port: 22 }],
    ["a status without an end", { status: "x".repeat(1025) }],
    ["a slug without an end", { slug: "x".repeat(4097) }],
    ["an error without an end", { error: "x".repeat(16_385) }],
    ["a state of its own", { state: "operator" }],
    ["a node without an end", { node: "x".repeat(300_000) }],
  ])("is not believed: %s", async (_what, changes) => {
    const valid = report(ben.session.id, { port: 51_459 });
    ben.agent.sendRaw(JSON.stringify({ type: "report", report: { ...valid, ...changes } }));
    expect(await ben.agent.closed).toMatchObject({ code: 1008 });
    expect(await (await ben.ask("GET", `/api/sessions/${ben.session.id}`)).json()).toMatchObject({
      port: 51_459,
      state: "running",
    });
  });

  it.each([
    ["a catalogue", { type: "catalogue", services: [service({ description: "x".repeat(2_000_000) })] }],
    ["clusters", { type: "resources", resources: [resource({ host: "x".repeat(2_000_000) })] }],
  ])("is not believed: %s that no row of the storage holds", async (_what, frame) => {
    ben.agent.sendRaw(JSON.stringify(frame));
    expect(await ben.agent.closed).toMatchObject({ code: 1008 });
    expect(await (await ben.ask("GET", "/api/services")).text()).toContain("bens-service");
  });

  const session = SessionId.parse("s4k2m9x0v7qrt");
  it.each([
    ["agent.host", { agent: { version: "0.1.0", host: "hopper\u202Egro.elpmaxe", user: "ben" } }],
    ["agent.user", { agent: { version: "0.1.0", host: "hopper", user: "x".repeat(256) } }],
    ["services", { services: [service({ description: "x".repeat(2_000_000) })] }],
    [
      "sessions.0.spec",
      { sessions: [{ spec: spec(session, { name: "x".repeat(300_000) }), report: report(session) }] },
    ],
    ["sessions", { sessions: [{ spec: spec(session), report: report(SessionId.parse("s000000000000")) }] }],
  ])("is told what of its hello is not believed: %s", async (what, changes) => {
    const agent = await TestAgent.dial({ headers: ben.enrolment.headers });
    agent.hello(changes);
    const { head } = await agent.next("refused");
    expect(head.message).toContain(`must be a hello: ${what} `);
    expect(await agent.closed).toMatchObject({ code: 1008 });
    await ben.agent.untaken();
  });

  it.each([
    ["text/html", "text/plain; charset=utf-8"],
    ["text/event-stream", "text/event-stream; charset=utf-8"],
  ])(
    "has its log shown to who takes %s as %s, whatever it says: that is of the console's own origin",
    async (accept, type) => {
      const browser = await ben.browser();
      const answer = browser.go(`${CONSOLE}/api/sessions/${ben.session.id}/logs`, { headers: { accept } });
      const { head } = await ben.agent.next("request");
      const headers: [string, string][] = [
        ["content-type", "text/html"],
        ["content-security-policy", "script-src 'unsafe-inline'"],
        ["set-cookie", "berth=planted; Path=/"],
        ["service-worker-allowed", "/"],
        ["refresh", "0;url=https://evil.example"],
        ["clear-site-data", '"cookies"'],
        ["access-control-allow-origin", "https://evil.example"],
        ["x-content-type-options", "none"],
        ["cache-control", "public, max-age=9999"],
      ];
      ben.agent.send(
        { type: "response", id: head.id, status: 200, headers, length: null, end: true },
        bytes("<script>alert(1)</script>"),
      );
      const response = await answer;
      expect(await response.text()).toBe("<script>alert(1)</script>");
      expect(Object.fromEntries(response.headers)).toEqual({
        ...dataHeaders,
        "content-type": type,
        "cache-control": "no-store",
      });
    },
  );

  it("shows its catalogue to its own user alone, as text", async () => {
    const script = "</script><script>alert(1)</script>";
    ben.agent.send({ type: "catalogue", services: [service({ name: "bens-service", title: script })] });
    await ben.agent.untaken();
    const browser = await ben.browser();
    const page = await (await browser.go(`${CONSOLE}/services`)).text();
    expect(page).toContain("&lt;script&gt;alert(1)");
    expect(page).not.toContain("<script>alert");
    expect(await (await ana.ask("GET", "/api/services")).text()).not.toContain("alert");
  });
});

import { reset } from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestAgent } from "../../functions/support/agent.ts";
import { Browser } from "../../functions/support/browser.ts";
import { api, CONSOLE, launch, problemOf } from "../../functions/support/edge.ts";
import { report, resource, service } from "../../functions/support/samples.ts";

const LINES = ["a\nb", "a\rb", "a\r\nb", "a\0b"];
const TEXTS = [
  "$(id)",
  "`id`",
  "'; id; '",
  '"; id; "',
  "<script>alert(1)</script>",
  "{{7*7}}",
  "${7*7}",
  "%0a",
  "\\n",
];

let agent: TestAgent;
beforeAll(async () => {
  const input = { name: "folder", type: "string" };
  agent = await TestAgent.connect({
    services: [service({ placements: ["workspace", "compute"], inputs: [input] })],
    resources: [resource()],
  });
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await reset();
});

const onCluster = (scheduler: object, more: object = {}): object => ({
  service: "notebook",
  placement: "compute",
  resource: "hopper",
  scheduler,
  ...more,
});

describe("what would be two lines of a job's script", () => {
  it.each(LINES)("is refused, and names its field: %j", async (text) => {
    const launches = [
      onCluster({ directives: [`--comment=${text}`] }),
      onCluster({ partition: text }),
      onCluster({ account: text }),
      onCluster({ qos: text }),
      onCluster({}, { name: text }),
      onCluster({}, { inputs: { [`a${text}`]: "x" } }),
      { service: "notebook", inputs: { [text]: "x" } },
    ];
    for (const json of launches) {
      const problem = await problemOf(await api("POST", "/api/sessions", { json }));
      expect([json, problem.status]).toEqual([json, 400]);
    }
    expect(await agent.untaken()).toEqual([]);
  });
});

describe("what a shell or a page would read otherwise", () => {
  it.each(TEXTS)("goes to the agent as that very text, and is shown as text: %s", async (text) => {
    const { id } = await launch({ service: "notebook", name: text, inputs: { folder: text } });
    const { head } = await agent.next("want");
    expect(head.wanted.spec).toMatchObject({ name: text, inputs: { folder: text } });
    await agent.report(report(id, { state: "failed", status: text, error: text, endedAt: Date.now() }));
    const browser = await Browser.loggedIn();
    for (const path of [
      "/",
      `/sessions/${id}`,
      "/notifications",
      `/launch/notebook?again=${id}`,
      `/?q=${encodeURIComponent(text)}`,
    ]) {
      const page = await (await browser.go(CONSOLE + path)).text();
      expect(page).not.toContain("<script>alert");
    }
  });

  it("is no header of an answer", async () => {
    const { id } = await launch({ service: "notebook", inputs: { folder: "a\r\nset-cookie: berth=1" } });
    await agent.next("want");
    const response = await api("GET", `/api/sessions/${id}`, { headers: { "idempotency-key": "a" } });
    expect(response.headers.getSetCookie()).toEqual([]);
    await response.body?.cancel();
  });
});

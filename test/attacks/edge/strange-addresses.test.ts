import { env } from "cloudflare:workers";
import { createExecutionContext, reset } from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import worker from "../../../functions/index.ts";
import { TestAgent } from "../../functions/support/agent.ts";
import { asApi, ask, CONSOLE, SESSIONS } from "../../functions/support/edge.ts";
import { running } from "../../functions/support/running.ts";

let agent: TestAgent;
beforeAll(async () => {
  agent = await TestAgent.connect();
  await running(agent);
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await reset();
});

const PORTS = [
  "0",
  "1",
  "22",
  "80",
  "1023",
  "65536",
  "99999",
  "051458",
  "+51458",
  "-51458",
  "51458.0",
  "5.1458e4",
  "0xc902",
  "０51458",
  "٥١٤٥٨",
  "51458@evil.example",
  "evil.example:51458",
  "51458:80",
  "127.0.0.1:51458",
  "169.254.169.254",
  "[fe80::1]:51458",
  "51459",
  "8787",
  "51458%00",
  "51458%20",
  "%3551458",
  "5%311458",
  "51458,22",
  "51458;22",
  "51458|22",
];

/** What `fetch` leaves as it is; the others are written on raw sockets (test/proxy/chapters/routes.ts). */
const PATHS = [
  "//me/51458/",
  "/me//51458/",
  "/%6de/51458/",
  "/me%2f51458/",
  "/me%5c51458/",
  "/me;x/51458/",
  "/ME/51458/",
  "/me/51458%2f..%2f..%2fapi",
  "/api%2fsessions",
  "/api/sessions/..%2f..%2fagent%2flink",
  "/assets/..%2f..%2fapi%2fsessions",
  "/%",
  "/%00",
  "/%ff",
  "/api/sessions/%00",
  "/api/sessions/%",
  "/launch/%2e%2e%2fapi",
  "/icons/..%2f..%2f.svg",
];

/** By a program and by an upgrade, on both hosts: not there, or not a request; and the agent is asked nothing. */
async function expectNowhere(path: string): Promise<void> {
  for (const host of [CONSOLE, SESSIONS])
    for (const headers of [asApi, { ...asApi, upgrade: "websocket" }]) {
      const response = await ask(host + path, { headers });
      await response.body?.cancel();
      expect([path, response.status, [400, 404].includes(response.status)]).toEqual([
        path,
        response.status,
        true,
      ]);
      expect(response.webSocket).toBeNull();
    }
  expect(await agent.untaken()).toEqual([]);
}

describe("an application's address with a port that is none of a session's", () => {
  it.each(PORTS)("such as %s leads nowhere", async (port) => {
    for (const scheme of ["me", "sme"]) await expectNowhere(`/${scheme}/${port}/`);
  });
});

describe("an address that may be read in two ways", () => {
  it.each(PATHS)("such as %s leads nowhere", async (path) => {
    await expectNowhere(path);
  });
});

it.each(["*/*", "text/html"])(
  "a target that is no address at all is refused, to who takes %s",
  async (accept) => {
    const request = new Request(CONSOLE, { method: "OPTIONS", headers: { accept } });
    // As the runtime hands on `OPTIONS *`.
    Object.defineProperty(request, "url", { value: "*" });
    expect((await worker.fetch(request, env, createExecutionContext())).status).toBe(400);
  },
);

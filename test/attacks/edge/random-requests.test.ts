import { exports } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { array, assert, asyncProperty } from "fast-check";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { TestAgent } from "../../functions/support/agent.ts";
import { Browser } from "../../functions/support/browser.ts";
import { api, asAgent, asApi, CONSOLE, launch, SESSIONS } from "../../functions/support/edge.ts";
import { running } from "../../functions/support/running.ts";
import { type RandomRequest, request } from "./random-request.ts";

const RUNS = 10_000;
const AT_ONCE = 20;
const SEED = 20_261_123;

let agent: TestAgent;
let browser: Browser;

beforeAll(async () => {
  agent = await TestAgent.connect();
  await running(agent);
  void answerAll("request");
  void answerAll("websocket");
  await logIn();
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await reset();
});

async function logIn(): Promise<void> {
  browser = await Browser.loggedIn();
  await browser.follow(`${SESSIONS}/me/1024/`);
}

/** The application answers whatever it is asked. */
async function answerAll(type: "request" | "websocket"): Promise<void> {
  for (;;) {
    const { head } = await agent.next(type);
    const { id } = head;
    if (type === "websocket") agent.send({ type: "fail", id, code: "refused", message: "no" });
    else agent.send({ type: "response", id, status: 200, headers: [], length: 0, end: true });
  }
}

function proofOf({ who, host }: RandomRequest): Record<string, string> {
  if (who === "program") return asApi;
  if (who === "agent") return asAgent;
  return who === "nobody" ? {} : { cookie: browser.cookies(new URL(host).host), origin: host };
}

/** Undefined for what no client can spell by `fetch`; smuggling.test.ts spells those. */
function spell(random: RandomRequest): Request | undefined {
  try {
    const isBodiless = ["GET", "HEAD", "get"].includes(random.method);
    return new Request(random.host + random.path, {
      method: random.method,
      headers: { ...random.headers, ...proofOf(random) },
      redirect: "manual",
      ...(random.body === null || isBodiless ? {} : { body: random.body }),
    });
  } catch {
    return undefined;
  }
}

it(
  `${RUNS} random requests get an answer, and none is an error of Berth's own`,
  { timeout: 300_000 },
  async () => {
    const errors = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const statuses = new Map<number, number>();
    const tryOne = async (random: RandomRequest): Promise<void> => {
      const made = spell(random);
      if (made === undefined) return;
      const response = await exports.default.fetch(made);
      response.webSocket?.accept();
      response.webSocket?.close();
      await response.body?.cancel();
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      expect(response.status).not.toBe(500);
      expect(response.status).toBeLessThan(600);
    };
    await assert(
      asyncProperty(array(request, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (requests) => {
        errors.mockClear();
        await Promise.all(requests.map(tryOne));
        expect(errors).not.toHaveBeenCalled();
        // Some of them log out.
        if ((await browser.go(`${CONSOLE}/api/agent`)).status === 401) await logIn();
      }),
      { numRuns: RUNS / AT_ONCE, seed: SEED, timeout: 60_000, endOnFailure: true },
    );
    // They were no walk along one wall: what is let in, what is refused and what is not there are all among them.
    for (const status of [200, 302, 400, 401, 403, 404]) expect([...statuses.keys()]).toContain(status);
    expect((await api("GET", "/api/agent")).status).toBe(200);
    expect((await launch({ service: "notebook" })).state).toBe("submitted");
  },
);

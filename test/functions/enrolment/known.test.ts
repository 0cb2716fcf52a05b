import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it } from "vitest";
import { AgentStatus } from "../../../contract/agent-status.ts";
import { partOf } from "../../../functions/workspace/parts.ts";
import { TestAgent } from "../support/agent.ts";
import type { Browser } from "../support/browser.ts";
import { CONSOLE } from "../support/edge.ts";
import { enrolment } from "../support/enrolled.ts";
import { browserOf, person } from "../support/people.ts";

const ana = await person("ana");

afterEach(reset);

const home = async (browser: Browser): Promise<string> => (await browser.go(CONSOLE)).text();
const statusOf = async (browser: Browser): Promise<AgentStatus> =>
  AgentStatus.parse(
    await (await browser.go(`${CONSOLE}/api/agent`, { headers: { accept: "application/json" } })).json(),
  );

it("a workspace's agent is known from its approval to its end, and nobody is told to start one that is none", async () => {
  const browser = await browserOf(ana);
  expect(await home(browser)).toContain('<a class="button primary" href="/join">Connect a workspace</a>');
  const rights = await enrolment(ana, { host: "hopper" });
  expect(await statusOf(browser)).toMatchObject({ online: false, host: "hopper" });
  expect(await home(browser)).toContain("The workspace hopper is not connected.");
  const done = async () => (await browser.go(`${CONSOLE}/join?said=approved`)).text();
  expect(await done()).toContain("./berth up --detach");

  const info = { version: "0.1.0", host: "hopper.example.org", user: "ana" };
  const agent = await TestAgent.connect({ agent: info }, rights);
  expect(await statusOf(browser)).toMatchObject({ online: true, ...info });
  expect(await done()).toContain("The workspace hopper.example.org is connected.");
  await agent[Symbol.asyncDispose]();
  expect(await home(browser)).toContain("The workspace hopper.example.org is not connected.");

  const by = { user: ana.id, name: ana.name, from: null, via: "console" } as const;
  expect(await partOf(env, ana.id, "agents").revoke(rights.id, by)).toBe(true);
  expect(await statusOf(browser)).toMatchObject({ online: false, host: null });
  expect(await home(browser)).toContain("No workspace is connected yet.");
});

import { reset } from "cloudflare:test";
import { afterEach, expect, it } from "vitest";
import { browserOf, person } from "../support/people.ts";
import { CONSOLE } from "../support/edge.ts";
import { agentOf } from "../support/enrolled.ts";

afterEach(async () => {
  await reset();
});

it("an enrolled agent has the link of its own user's workspace", async () => {
  const [ana, ben] = [await person("ana"), await person("ben")];
  const [anas, bens] = [await browserOf(ana), await browserOf(ben)];
  await using _agent = await agentOf(ana);
  const online = async (browser: typeof anas): Promise<unknown> =>
    (await browser.go(`${CONSOLE}/api/agent`)).json();
  expect(await online(anas)).toMatchObject({ online: true, host: "workspace" });
  expect(await online(bens)).toMatchObject({ online: false, host: null });
});

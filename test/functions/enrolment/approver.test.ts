import { reset } from "cloudflare:test";
import { afterEach, expect, it } from "vitest";
import { ask, CONSOLE } from "../support/edge.ts";
import { decide, JoiningAgent } from "../support/joining-agent.ts";
import { browserOf, person } from "../support/people.ts";

afterEach(async () => {
  await reset();
});

it.each([
  ["the email that the login service vouches for", "ben@example.org", "ben@example.org"],
  ["the login name, where there is no email", null, "ben"],
])(
  "a machine is told who has approved it, by %s; given back, nothing is left of it",
  async (_by, email, account) => {
    const ben = await browserOf({ ...(await person("ben")), email });
    const agent = await JoiningAgent.started();
    await decide(ben, agent.codes.userCode, "approve");
    const approved = await agent.poll();
    expect(approved).toMatchObject({ status: "approved", name: "Ben", account });
    if (approved.status !== "approved") throw new Error(approved.status);
    const headers = { authorization: `Bearer ${approved.token}` };
    expect((await ask(`${CONSOLE}/agent/leave`, { method: "POST", headers })).status).toBe(204);
    expect(await (await ben.go(`${CONSOLE}/api/agents`)).json()).toEqual([]);
  },
);

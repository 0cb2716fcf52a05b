import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { TestAgent } from "../support/agent.ts";
import type { Browser } from "../support/browser.ts";
import { CONSOLE } from "../support/edge.ts";
import { JoiningAgent } from "../support/joining-agent.ts";
import { browserOf, person } from "../support/people.ts";

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

/** Sends the page's form. */
const decide = (
  browser: Browser,
  code: string,
  decision: "approve" | "deny",
  replaces = "",
): Promise<Response> =>
  browser.go(`${CONSOLE}/join`, {
    method: "POST",
    headers: { origin: CONSOLE },
    body: new URLSearchParams({ code, decision, replaces }),
  });

describe("an agent that asks to join", () => {
  it("is shown with its fingerprint, approved, and online in the workspace of who approved", async () => {
    const ana = await browserOf(await person("ana"));
    const agent = await JoiningAgent.started();
    expect(await agent.poll()).toEqual({ status: "pending" });
    const page = await (await ana.go(agent.codes.verificationUrlComplete)).text();
    for (const fact of ["hopper", "ana", agent.fingerprint, "0.1.0"]) expect(page).toContain(fact);
    const answer = await decide(ana, agent.codes.userCode, "approve");
    expect(answer.headers.get("location")).toBe("/join?said=approved");
    vi.setSystemTime(Date.now() + 2000);
    const approved = await agent.poll();
    if (approved.status !== "approved") throw new Error(approved.status);
    expect(approved.name).toBe("Ana");
    const headers = { authorization: `Bearer ${approved.token}` };
    await using _link = await TestAgent.connect({}, { headers });
    expect(await (await ana.go(`${CONSOLE}/api/agent`)).json()).toMatchObject({ online: true });
  });
});

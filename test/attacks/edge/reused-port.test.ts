import { reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Session } from "../../../contract/session.ts";
import type { Browser } from "../../functions/support/browser.ts";
import { ask, CONSOLE } from "../../functions/support/edge.ts";
import { Household } from "../../functions/support/household.ts";
import { browserOf, person } from "../../functions/support/people.ts";
import { report } from "../../functions/support/samples.ts";
import { guestUrl, originOfSession, visit } from "../../functions/support/sharing.ts";

const PORT = 51_458;

let ana: Household;
beforeEach(async () => {
  ana = await Household.of("ana", PORT);
});
afterEach(async () => {
  await ana[Symbol.asyncDispose]();
  await reset();
});

/** The session on the port ends, as its agent tells. */
const end = (): Promise<void> =>
  ana.agent.report(
    report(ana.session.id, { port: PORT, state: "completed", status: "Completed", endedAt: Date.now() }),
  );

/** Another session of Ana's takes the port. */
async function another(): Promise<Session> {
  const launched = await ana.ask("POST", "/api/sessions", { service: "anas-service", name: "another" });
  const session = Session.parse(await launched.json());
  await ana.agent.next("want");
  await ana.agent.report(report(session.id, { port: PORT }));
  return session;
}

/** What the application's address says, by a request and by an upgrade, of which the agent is told nothing. */
async function refusals(browser: Browser, url: string): Promise<number[]> {
  const statuses: number[] = [];
  for (const headers of [{ accept: "*/*" }, { upgrade: "websocket", origin: new URL(url).origin }]) {
    const response = await browser.go(url, { headers });
    statuses.push(response.status);
    await response.body?.cancel();
  }
  expect((await ana.agent.untaken()).filter(({ type }) => ["request", "websocket"].includes(type))).toEqual(
    [],
  );
  return statuses;
}

describe("a port whose session has ended", () => {
  it("is nobody's, not even its user's, whatever listens there now", async () => {
    await end();
    for (const path of [`/me/${PORT}/`, `/sme/${PORT}/`, `/me/${PORT}/x?y`]) {
      expect((await ana.ask("GET", path)).status).toBe(404);
      const headers = { ...ana.program.headers, upgrade: "websocket" };
      expect((await ask(CONSOLE + path, { headers })).status).toBe(404);
    }
    expect(await ana.agent.untaken()).toEqual([]);
  });

  it("is not taken by another user's session with the same number", async () => {
    await using ben = await Household.of("ben", PORT);
    await end();
    expect((await ana.ask("GET", `/me/${PORT}/`)).status).toBe(404);
    const answer = ben.ask("GET", `/me/${PORT}/`);
    const { head } = await ben.agent.next("request");
    expect(head.target).toMatchObject({ session: ben.session.id, port: PORT });
    ben.agent.send({ type: "response", id: head.id, status: 204, headers: [], length: 0, end: true });
    expect((await answer).status).toBe(204);
    expect(await ana.agent.untaken()).toEqual([]);
  });

  it("opens nothing to the guests of the session that had it, when another takes it", async () => {
    const cleo = await person("cleo");
    await ana.share(cleo);
    const browser = await browserOf(cleo);
    expect((await visit(browser, ana.agent, guestUrl(ana.session.id))).response.status).toBe(200);
    await end();
    const session = await another();
    for (const host of [originOfSession(ana.session.id), originOfSession(session.id), CONSOLE])
      for (const path of [`/me/${PORT}/`, `/s/${ana.session.id}/`, `/s/${session.id}/`])
        for (const status of await refusals(browser, host + path)) expect([401, 404]).toContain(status);
  });

  it("is not reached from the ended session's own host, where its scripts may still be open", async () => {
    const browser = await ana.browser();
    await visit(browser, ana.agent, `${originOfSession(ana.session.id)}/me/${PORT}/`);
    await end();
    await another();
    expect(await refusals(browser, `${originOfSession(ana.session.id)}/me/${PORT}/`)).toEqual([404, 404]);
  });
});

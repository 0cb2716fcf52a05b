import { reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Person } from "../../../contract/person.ts";
import { TestAgent } from "../support/agent.ts";
import type { Browser } from "../support/browser.ts";
import { problemOf } from "../support/edge.ts";
import { askLink, enrolledIn, enrolment } from "../support/enrolled.ts";
import { decide, JoiningAgent } from "../support/joining-agent.ts";
import { browserOf, person } from "../support/people.ts";

let ana: Person;
let browser: Browser;

beforeEach(async () => {
  ana = await person("ana");
  browser = await browserOf(ana);
});

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

describe("a second agent of a user", () => {
  /** One that asks, and the page on which it is shown. */
  async function asking(): Promise<{ joining: JoiningAgent; page: string }> {
    const joining = await JoiningAgent.started({ host: "second" });
    const page = await (await browser.go(joining.codes.verificationUrlComplete)).text();
    return { joining, page };
  }

  it("replaces the first where the page has said which that is, and the first is told", async () => {
    const first = await enrolment(ana, { host: "first" });
    await using agent = await TestAgent.connect({}, first);
    const { joining, page } = await asking();
    expect(page).toContain("Your workspace has an agent already: ana@first");
    expect(page).toContain("Replace it");
    await decide(browser, joining.codes.userCode, "approve", { replaces: first.id });
    expect(await joining.poll()).toMatchObject({ status: "approved" });
    expect((await agent.next("refused")).head.code).toBe("agent_revoked");
    expect(await enrolledIn(browser)).toMatchObject([{ host: "second", fingerprint: joining.fingerprint }]);
  });

  it("is refused as its user chooses, and the first stays", async () => {
    const first = await enrolment(ana, { host: "first" });
    await using _agent = await TestAgent.connect({}, first);
    const { joining, page } = await asking();
    expect(page).toContain("Keep it, deny this one");
    await decide(browser, joining.codes.userCode, "deny", { replaces: first.id });
    expect(await joining.poll()).toMatchObject({ status: "denied" });
    expect(await enrolledIn(browser)).toMatchObject([{ id: first.id }]);
  });

  it("may be the very same machine, which gets a new token", async () => {
    const joining = await JoiningAgent.started();
    const first = await enrolment(ana, { fingerprint: joining.fingerprint });
    const page = await (await browser.go(joining.codes.verificationUrlComplete)).text();
    expect(page).toContain("This machine is your workspace already.");
    await decide(browser, joining.codes.userCode, "approve", { replaces: first.id });
    expect(await joining.poll()).toMatchObject({ status: "approved" });
    expect(await problemOf(await askLink(first))).toMatchObject({ code: "agent_revoked" });
  });

  it("does not replace one that has come since the page was shown", async () => {
    const { joining } = await asking();
    await enrolment(ana, { host: "meanwhile" });
    const answer = await decide(browser, joining.codes.userCode, "approve");
    expect(await answer.text()).toContain("Your workspace has an agent already: ana@meanwhile");
    expect(await joining.poll()).toEqual({ status: "pending" });
  });

  it("does not replace one that has come since it was approved", async () => {
    const { joining } = await asking();
    await decide(browser, joining.codes.userCode, "approve");
    await enrolment(ana, { host: "meanwhile" });
    expect(await joining.poll()).toMatchObject({
      status: "denied",
      reason: "this workspace has another agent by now",
    });
    expect(await enrolledIn(browser)).toMatchObject([{ host: "meanwhile" }]);
  });
});

import { describe, expect, it } from "vitest";
import type { EnrolledAgent } from "../../contract/enrolment.ts";
import type { Asking } from "../../functions/registry/enrolments.ts";
import type { Frame } from "../../functions/views/layout.tsx";
import { JoinAskPage, JoinCodePage } from "../../functions/views/join-page.tsx";

const htmlOf = async (view: ReturnType<typeof JoinAskPage>): Promise<string> => (await view).toString();

const HOSTILE = `"><script>alert(1)</script>`;
const NOW = 1_790_000_000_000;

const frame: Frame = {
  place: null,
  agent: { online: false, host: null, user: null, version: null, mismatch: null },
  unread: 0,
  name: "Ana",
  operator: false,
};

const asking: Asking = {
  userCode: "BCDF-GHJK",
  host: HOSTILE,
  user: HOSTILE,
  version: HOSTILE,
  protocol: 3,
  fingerprint: `SHA256:${"A".repeat(43)}`,
  from: HOSTILE,
  since: NOW,
  expires: NOW,
  decided: false,
};

const other: EnrolledAgent = {
  id: "other",
  host: HOSTILE,
  user: HOSTILE,
  version: "0.1.0",
  fingerprint: `SHA256:${"B".repeat(43)}`,
  from: null,
  created: NOW,
  seen: NOW,
  rotated: NOW,
};

describe("the page on which a machine asks to join", () => {
  it("shows what the machine says of itself as text, whatever that is", async () => {
    const html = await htmlOf(JoinAskPage({ frame, asking, other, now: NOW }));
    expect(html).toContain("&lt;script&gt;alert(1)");
    expect(html).not.toContain("<script>alert(1)");
  });

  it("gives back what was typed as text", async () => {
    const html = await htmlOf(
      JoinCodePage({ frame, consoleUrl: "https://c.example.org", typed: HOSTILE, wrong: "No" }),
    );
    expect(html).not.toContain("<script>alert(1)");
    expect(html).toContain(`aria-describedby="wrong"`);
  });

  it("says which agent of this machine's own would go", async () => {
    const online = { ...frame, agent: { ...frame.agent, online: true } };
    const html = await htmlOf(JoinAskPage({ frame: online, asking, other: null, now: NOW }));
    expect(html).toContain("The agent that npm start has started is connected.");
  });
});

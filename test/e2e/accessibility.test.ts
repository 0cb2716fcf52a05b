import { AxeBuilder } from "@axe-core/playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EnrolmentStart } from "../../contract/enrolment.ts";
import { PROTOCOL_VERSION } from "../../contract/version.ts";
import { Berth } from "../support/berth.ts";
import { TestBrowser } from "../support/browser.ts";

/** A service that fails at once, and one that never listens: their pages are looked at too. */
const SERVICES = {
  fails: { "start_template.sh": 'displayErrorMessage "There is no licence <left>"\n' },
  waits: { "start_template.sh": '$sshusercontainer status "Installing"; sleep 300\n' },
};

let berth: Berth;
let paths: Record<string, string>;

beforeAll(async () => {
  berth = await Berth.start({ services: SERVICES });
  const failed = await berth.launch({ service: "fails" });
  const waiting = await berth.launch({ service: "waits" });
  const failedNow = await berth.until(failed.id, "failed");
  const waitingNow = await berth.until(waiting.id, "starting");
  paths = {
    home: "/",
    services: "/services",
    form: "/launch/webshell",
    failed: `/sessions/${failed.id}`,
    waiting: `/sessions/${waiting.id}`,
    notifications: "/notifications",
    account: "/account",
    join: "/join",
    asking: await asking(),
    loading: waitingNow.url ?? "",
    error: failedNow.url ?? "",
    nothing: "/no-such-page",
  };
});

/** The page on which a machine asks to join. */
async function asking(): Promise<string> {
  const key = Buffer.alloc(32, 1).toString("base64url");
  const body = { host: "hopper-login-1", user: "ana", version: "0.1.0", protocol: PROTOCOL_VERSION, key };
  const response = await fetch(`${berth.url}/enroll/start`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const { userCode } = EnrolmentStart.parse(await response.json());
  return `/join?code=${userCode}`;
}

afterAll(async () => {
  await berth[Symbol.asyncDispose]();
});

describe.each([
  { colorScheme: "light", width: 1200 },
  { colorScheme: "dark", width: 360 },
] as const)("in $colorScheme, $width px wide", (look) => {
  it("no page has a violation that axe finds, and none scrolls sideways", async () => {
    await using browser = await TestBrowser.open(look);
    const page = await browser.page();
    await page.goto(
      ((await (await berth.fetch("/api/login-links", { method: "POST" })).json()) as { url: string }).url,
    );
    for (const [name, path] of Object.entries(paths)) {
      await page.goto(`${berth.url}${path}`);
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect({
        name,
        violations: violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]),
      }).toEqual({
        name,
        violations: [],
      });
      expect({
        name,
        isWider: await page.evaluate(() => document.documentElement.scrollWidth > innerWidth),
      }).toEqual({
        name,
        isWider: false,
      });
    }
  });
});

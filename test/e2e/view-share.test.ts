import { afterAll, beforeAll, expect, it } from "vitest";
import { Share } from "../../contract/share.ts";
import { TestBrowser } from "../support/browser.ts";
import type { HttpBrowser } from "../support/http-browser.ts";
import { JoinedAgent } from "../support/joined-agent.ts";
import { OidcEdge } from "../support/oidc-edge.ts";

declare global {
  interface Window {
    /** How many WebSockets the page has tried to open. */
    attempts: number;
  }
}

let edge: OidcEdge;
let owner: HttpBrowser;
let agent: JoinedAgent;
let browser: TestBrowser;

beforeAll(async () => {
  edge = await OidcEdge.start({ bindings: { BERTH_SESSION_HOSTS: "each" } });
  owner = await edge.browser();
  agent = await JoinedAgent.start(edge.console, owner, {});
  browser = await TestBrowser.open({ width: 360, height: 700 });
});

afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await agent[Symbol.asyncDispose]();
  await edge[Symbol.asyncDispose]();
});

it(
  "who may only look at a shell is told so, and their page tries no more",
  { timeout: 120_000 },
  async () => {
    const { id } = await agent.running("webshell");
    const share = (mode: string): Promise<Response> =>
      owner.go(`${edge.console}/api/sessions/${id}/shares`, {
        json: { with: { kind: "user", subject: "ben" }, mode },
      });
    const { url, id: view } = Share.parse(await (await share("view")).json());

    edge.provider.account = { sub: "ben", name: "Ben", groups: [] };
    const ben = await browser.page();
    await ben.addInitScript(() => {
      window.attempts = 0;
      window.WebSocket = class extends WebSocket {
        constructor(address: string | URL) {
          super(address);
          window.attempts += 1;
        }
      };
    });
    await ben.goto(`${edge.console}/login`);
    await ben.waitForURL(`${edge.console}/`);
    await ben.goto(url);
    await ben.getByText("You may look at this session, but not use it.").waitFor();
    expect(await ben.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false);

    // What wakes a page that has lost its connection wakes this one no more.
    const [before, after] = await ben.evaluate(() => {
      const counted = window.attempts;
      dispatchEvent(new Event("online"));
      document.dispatchEvent(new Event("visibilitychange"));
      return [counted, window.attempts];
    });
    expect(before).toBeGreaterThan(0);
    expect(after).toBe(before);

    await owner.go(`${edge.console}/sessions/${id}/share/${view}/end`, { form: {} });
    expect((await share("use")).status).toBe(201);
    await ben.goto(url);
    // The prompt: what is typed before the page is connected is lost.
    await ben.locator(".xterm-rows", { hasText: /\S/ }).waitFor();
    await ben.locator(".xterm-helper-textarea").focus();
    await ben.keyboard.type("echo $((6*7))\n");
    await ben.locator(".xterm-rows", { hasText: /(?:^|\D)42(?:\D|$)/ }).waitFor();
  },
);

import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BrowserLogin } from "../../contract/account.ts";
import { HttpBrowser } from "../support/http-browser.ts";
import { JoinedAgent } from "../support/joined-agent.ts";
import { LiveConnections, liveSocket } from "../support/live-connections.ts";
import { OidcEdge } from "../support/oidc-edge.ts";
import { buttonOf } from "../support/shown-page.ts";

const PROGRAM = fileURLToPath(new URL("../support/live-service.ts", import.meta.url));
const LIVE = {
  "start_template.sh": `exec "$berth_node" ${PROGRAM} "$service_port"\n`,
};

let edge: OidcEdge;
/** A browser of Ana's that stays logged in, and her agent. */
let owner: HttpBrowser;
let agent: JoinedAgent;
let port: string;

beforeAll(async () => {
  edge = await OidcEdge.start();
  owner = await edge.browser();
  agent = await JoinedAgent.start(edge.console, owner, { live: LIVE });
  const session = await agent.running("live");
  port = session.port === null ? "" : String(session.port);
});

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await edge[Symbol.asyncDispose]();
});

const open = (browser: HttpBrowser): Promise<LiveConnections> => LiveConnections.open(edge, browser, port);

async function loginsOf(browser: HttpBrowser): Promise<BrowserLogin[]> {
  const response = await browser.go(`${edge.console}/api/logins`, {
    headers: { accept: "application/json" },
  });
  return BrowserLogin.array().parse(await response.json());
}

/** How a login of Ana's ends while it has connections open. */
const ENDS: [string, (browser: HttpBrowser) => Promise<unknown>][] = [
  ["its own logout", (browser) => browser.go(`${edge.console}/logout`, { form: {} })],
  [
    "its revocation in another browser",
    async (browser) => {
      const id = (await loginsOf(browser)).find(({ current }) => current)?.id ?? "";
      const answer = await owner.go(`${edge.console}/api/logins/${id}/end`, { method: "POST" });
      expect(answer.status).toBe(204);
    },
  ],
  [
    "a logout at the provider",
    async (browser) => {
      const html = await (await browser.go(`${edge.provider.issuer}/session/end`)).text();
      const [, action = ""] = /action="([^"]*)"/.exec(html) ?? [];
      const [, xsrf = ""] = /name="xsrf" value="([^"]*)"/.exec(html) ?? [];
      await browser.go(action, { form: { xsrf, logout: "yes" } });
    },
  ],
  ["another login in its place", (browser) => edge.logIn(browser)],
];

it.each(ENDS)(
  "a WebSocket, event streams and a download end with %s, and nobody else's",
  async (_how, end) => {
    const browser = await edge.browser();
    const [mine, theirs] = [await open(browser), await open(owner)];
    expect(await mine.say("one")).toBe("one");
    await end(browser);
    await mine.ended();
    expect(await theirs.say("two")).toBe("two");
    await theirs.close();
  },
);

it("somebody who follows a session's address is there once they have logged in", async () => {
  const browser = new HttpBrowser();
  const { response, at } = await browser.follow(`${edge.sessions}/me/${port}/?tab=1`);
  expect([response.status, new URL(at).pathname]).toEqual([401, "/hand-over"]);
  const after = await browser.follow(edge.console + buttonOf(await response.text()));
  expect([after.response.status, after.at]).toEqual([200, `${edge.sessions}/me/${port}/?tab=1`]);
  expect(await after.response.text()).toBe("live");
});

it("the sessions' cookie of a login that is over opens nothing more", async () => {
  const browser = await edge.browser();
  await (await open(browser)).close();
  await browser.go(`${edge.console}/logout`, { form: {} });
  const { response, at } = await browser.follow(`${edge.sessions}/me/${port}/`);
  expect([response.status, new URL(at).pathname]).toEqual([401, "/hand-over"]);
  const [error] = (await once(liveSocket(edge, browser, port), "error")) as [Error];
  expect(error.message).toContain("401");
});

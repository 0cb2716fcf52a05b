import { AxeBuilder } from "@axe-core/playwright";
import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { Session } from "../../contract/session.ts";
import { picture, TestBrowser } from "../support/browser.ts";
import { eventually } from "../support/eventually.ts";
import type { HttpBrowser } from "../support/http-browser.ts";
import { JoinedAgent } from "../support/joined-agent.ts";
import { OidcEdge } from "../support/oidc-edge.ts";
import type { Account } from "../support/openid-provider.ts";
import { needs } from "../support/requires.ts";

const ANA: Account = { sub: "ana", name: "Ana", groups: [] };
const BEN: Account = { sub: "ben", name: "Ben", groups: ["tides"] };
const CY: Account = { sub: "cy", name: "Cy", groups: [] };

let edge: OidcEdge;
/** Ana's browser without a screen, and her agent. */
let owner: HttpBrowser;
let agent: JoinedAgent;
let browser: TestBrowser;
/** Ana's browser, and Ben's. */
let ana: Page;
let ben: Page;

async function loggedIn(context: BrowserContext, account: Account): Promise<Page> {
  const page = await context.newPage();
  edge.provider.account = account;
  await page.goto(`${edge.console}/login`);
  await page.waitForURL(`${edge.console}/`);
  return page;
}

beforeAll(async () => {
  edge = await OidcEdge.start({ bindings: { BERTH_SESSION_HOSTS: "each" } });
  edge.provider.account = ANA;
  owner = await edge.browser();
  agent = await JoinedAgent.start(edge.console, owner, {});
  browser = await TestBrowser.open({ width: 1000, height: 700 });
  ana = await loggedIn(browser.context, ANA);
});

beforeEach(async () => {
  ben = await (await browser.another()).newPage();
});

afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await agent[Symbol.asyncDispose]();
  await edge[Symbol.asyncDispose]();
});

/** Launches a service of Ana's, and waits until it runs. */
async function running(request: object): Promise<Session> {
  const launched = await owner.go(`${edge.console}/api/sessions`, { json: request });
  const { id } = Session.parse(await launched.json());
  const look = async (): Promise<Session | undefined> => {
    const headers = { accept: "application/json" };
    const session = Session.parse(
      await (await owner.go(`${edge.console}/api/sessions/${id}`, { headers })).json(),
    );
    return session.state === "running" ? session : undefined;
  };
  return eventually(look, { what: `session ${id} to run`, timeoutMs: 60_000 });
}

/** Ana shares a session by its form; returns the link that she is to send. */
async function share(id: string, whom: { group: string } | { user: string }, mode: string): Promise<string> {
  await ana.goto(`${edge.console}/sessions/${id}`);
  await ana.getByRole("link", { name: /^Share / }).click();
  if ("group" in whom) await ana.getByLabel("A group").check();
  await ana.getByLabel("Email, login name or group").fill("group" in whom ? whom.group : whom.user);
  await ana.getByLabel(new RegExp(`^${mode}`)).check();
  await ana.getByRole("button", { name: "Share", exact: true }).click();
  return ana.locator(".panel code").first().innerText();
}

/** Somebody follows a link, and logs in on the way where they must. */
async function follow(page: Page, link: string, account: Account): Promise<void> {
  edge.provider.account = account;
  await page.goto(link);
  const login = page.getByRole("link", { name: /^Log in/ });
  await Promise.race([login.waitFor(), page.waitForURL(/\/\/s[0-9a-z]{12}\.sessions\.localhost/)]);
  if (await login.isVisible()) await login.click();
}

/** No violation that axe finds, and nothing that scrolls sideways on a phone. */
async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  const before = page.viewportSize();
  await page.setViewportSize({ width: 360, height: 700 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false);
  if (before !== null) await page.setViewportSize(before);
}

it("a colleague computes in a shared Jupyter until its owner ends it", { timeout: 180_000 }, async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "berth-shared-"));
  const session = await running({ service: "jupyter-notebook", inputs: { folder: home.path } });
  const link = await share(session.id, { user: "ben" }, "Use");
  expect(link).toMatch(new RegExp(`^http://${session.id}\\.sessions\\.localhost:\\d+/s/${session.id}/tree$`));
  await picture(ana, "share");
  await expectAccessible(ana);

  await follow(ben, link, BEN);
  // Jupyter makes its addresses of the base that it was told.
  await ben.waitForURL(new RegExp(`//${session.id}\\.sessions\\.localhost:\\d+/me/${session.port}/tree`));
  // The button is there before what it does: the menu's entries come with that.
  await ben.getByText("Python 3 (ipykernel)").waitFor({ state: "attached" });
  await ben.getByRole("button", { name: "New" }).click();
  const opened = ben.context().waitForEvent("page");
  const connected = opened.then((page) => page.waitForEvent("websocket"));
  const [notebook, channels] = await Promise.all([
    opened,
    connected,
    ben.getByText("Python 3 (ipykernel)").click(),
  ]);
  await notebook.waitForFunction(() =>
    document.querySelector("#kernel_indicator_icon")?.classList.contains("kernel_idle_icon"),
  );
  await notebook.locator(".CodeMirror").first().click();
  await notebook.keyboard.type("print(6*7)");
  await notebook.keyboard.press("Shift+Enter");
  await notebook.locator(".output_stdout", { hasText: /^42/ }).waitFor();

  await ana.reload();
  await ana.getByText("opened by Ben").waitFor();
  const closed = channels.waitForEvent("close");
  await ana.getByRole("button", { name: "End sharing with ben" }).click();
  await ana.getByRole("button", { name: "End it" }).click();
  await closed;
  await ben.goto(link);
  await ben.getByText("not_found").waitFor();
  // Ana's own go on.
  await ana.goto(`${edge.console}${session.url}`);
  await ana.waitForURL(new RegExp(`/me/${session.port}/tree`));
});

it(
  "a colleague finds a shared shell on their own console, and types in it",
  { timeout: 120_000 },
  async () => {
    const session = await running({ service: "webshell", name: "tides", inputs: { shell: "bash" } });
    await share(session.id, { user: "ben" }, "Use");
    edge.provider.account = BEN;
    await ben.goto(`${edge.console}/login`);
    const list = ben.getByRole("region", { name: "Shared with you" });
    await list.getByText("of Ana").waitFor();
    await expectAccessible(ben);
    await list.getByRole("link", { name: "Open tides of Ana" }).click();
    await ben.waitForURL(`http://${session.id}.sessions.localhost:*/s/${session.id}/`);
    // What is typed before the page has its connection goes nowhere.
    await ben.locator(".xterm-rows", { hasText: /[$#]/ }).waitFor();
    await ben.locator(".xterm-helper-textarea").focus();
    await ben.keyboard.type("echo $((6*7))\n");
    await ben.locator(".xterm-rows", { hasText: /(?:^|\D)42(?:\D|$)/ }).waitFor();

    await ana.getByRole("button", { name: "End sharing with ben" }).click();
    await ana.getByRole("button", { name: "End it" }).click();
    await ana.getByRole("heading", { name: "Share it with somebody", exact: true }).waitFor();
    await ben.goto(`${edge.console}/shared`);
    await ben.getByText("Nothing is shared with you").waitFor();
  },
);

it("a group looks at a shared folder, and nobody else does", { timeout: 120_000 }, async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "berth-shared-"));
  await mkdir(join(home.path, "plots"));
  await writeFile(join(home.path, "plots", "tide.csv"), "hour,height\n1,2.5\n");
  const session = await running({ service: "nginx", inputs: { folder: home.path } });
  const link = await share(session.id, { group: "tides" }, "Look");

  await follow(ben, link, BEN);
  await ben.getByRole("link", { name: "plots/" }).click();
  await ben.waitForURL(`${link}plots/`);
  const file = await ben.goto(`${link}plots/tide.csv`);
  expect(await file?.text()).toBe("hour,height\n1,2.5\n");
  const posted = await ben.evaluate(async (url) => (await fetch(url, { method: "POST" })).status, link);
  expect(posted).toBe(403);

  const cy = await (await browser.another()).newPage();
  await follow(cy, link, CY);
  await cy.getByText("not_found").waitFor();

  // A logout at the console ends what is open here, too.
  const look = (): Promise<number> => ben.evaluate(async (url) => (await fetch(url)).status, link);
  expect(await look()).toBe(200);
  const console = await ben.context().newPage();
  await console.goto(`${edge.console}/`);
  await console.getByRole("button", { name: "Ben" }).click();
  await console.getByRole("button", { name: "Log out" }).click();
  await eventually(async () => (await look()) === 404, { what: "the guest's cookie to open nothing" });
});

beforeEach(needs("jupyter-notebook", "apt-get install jupyter-notebook"));
beforeEach(needs("nginx", "apt-get install nginx-light"));

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { AxeBuilder } from "@axe-core/playwright";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CreatedToken } from "../../contract/account.ts";
import { AuditLine } from "../../contract/operator.ts";
import { Notification, Session } from "../../contract/session.ts";
import { TestBrowser } from "../support/browser.ts";
import { eventually } from "../support/eventually.ts";
import type { HttpBrowser } from "../support/http-browser.ts";
import { JoinedAgent } from "../support/joined-agent.ts";
import { OidcEdge } from "../support/oidc-edge.ts";
import { WebhookReceiver } from "../support/webhook-receiver.ts";

const run = promisify(execFile);
const KEY = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const ANA = { sub: "ana", name: "Ana", groups: ["tides"] };
const OLGA = { sub: "olga", name: "Olga", groups: ["operators"] };
const WAITS = { "start_template.sh": '$sshusercontainer status "Installing"; sleep 300\n' };

let receiver: WebhookReceiver;
let edge: OidcEdge;
let ana: HttpBrowser;
let olga: HttpBrowser;
let agent: JoinedAgent;

beforeAll(async () => {
  receiver = await WebhookReceiver.start(KEY);
  edge = await OidcEdge.start({
    bindings: {
      BERTH_OPERATOR_GROUPS: "operators",
      BERTH_WEBHOOK_URL: receiver.url,
      BERTH_WEBHOOK_SIGNING_SECRETS: KEY,
    },
  });
  edge.provider.account = ANA;
  ana = await edge.browser();
  agent = await JoinedAgent.start(edge.console, ana, { waits: WAITS });
  edge.provider.account = OLGA;
  olga = await edge.browser();
});

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await edge[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

const AS_PROGRAM = { accept: "application/json" };

async function launch(name: string): Promise<Session> {
  const json = { service: "waits", name };
  return Session.parse(
    await (await ana.go(`${edge.console}/api/sessions`, { json, headers: AS_PROGRAM })).json(),
  );
}

/** A page of the operator's browser, with scripts or without. */
async function pageOf(browser: TestBrowser, path: string): Promise<Page> {
  for (const pair of olga.cookies("localhost").split("; ")) {
    const [name = "", value = ""] = pair.split(/=(.*)/s);
    await browser.context.addCookies([{ name, value, url: edge.console }]);
  }
  const page = await browser.page();
  await page.goto(edge.console + path);
  return page;
}

/** Looks at a page again until it shows a text, or something else: what workspaces tell comes a moment later. */
async function until(page: Page, shown: string | Locator): Promise<void> {
  const found = typeof shown === "string" ? page.getByText(shown) : shown;
  await eventually(
    async () => {
      await page.reload();
      return (await found.count()) > 0;
    },
    { what: `${String(shown)} on ${page.url()}`, timeoutMs: 60_000 },
  );
}

describe("the operator's pages", () => {
  it("show who is there, where, and how they are doing", async () => {
    await launch("tides");
    await using browser = await TestBrowser.open();
    const page = await pageOf(browser, "/");
    await page.getByRole("link", { name: "Operator", exact: true }).first().click();
    const row = page
      .getByRole("row", { name: /Ana/ })
      .filter({ has: page.getByText("reachable", { exact: true }) });
    const sessions = row.getByRole("link", { name: "1", exact: true });
    await until(page, sessions);
    await sessions.click();
    await page.getByText("tides", { exact: true }).waitFor();
    await page.goto(`${edge.console}/operator`);
    await page.keyboard.press("/");
    await page.keyboard.type("olga");
    await page.getByRole("row", { name: /Ana/ }).waitFor({ state: "detached" });
    await page.keyboard.type(" the second");
    await page.getByText("Nobody matches “olga the second”.").waitFor();
  });

  it("cancel anybody's session without a script, and its owner is told who and why", async () => {
    const { id } = await launch("rivers");
    await using browser = await TestBrowser.open({ scripts: false });
    const page = await pageOf(browser, "/operator/sessions");
    await until(page, "rivers");
    await page.getByRole("button", { name: "Cancel rivers of Ana" }).click();
    const dialog = page.getByRole("dialog", { name: "Cancel rivers of Ana" });
    await dialog.getByRole("button", { name: "Cancel the session" }).click();
    expect(
      await dialog.getByRole("textbox").evaluate((input: HTMLInputElement) => input.validity.valid),
    ).toBe(false);
    await dialog.getByRole("textbox").fill("The node is taken <down>");
    await dialog.getByRole("button", { name: "Cancel the session" }).click();
    await page.getByText("is noted, and its owner told").waitFor();

    const told = `${edge.console}/api/notifications`;
    const bell = Notification.array().parse(await (await ana.go(told, { headers: AS_PROGRAM })).json());
    expect(bell.map(({ text }) => text)).toContain("rivers was canceled by Olga: The node is taken <down>");
    const shown = await (await ana.go(`${edge.console}/sessions/${id}`)).text();
    expect(shown).toContain("Canceled by Olga:");
    expect(shown).toContain("The node is taken &lt;down&gt;");
    await eventually(
      async () => {
        const answer = await ana.go(`${edge.console}/api/sessions/${id}`, { headers: AS_PROGRAM });
        return Session.parse(await answer.json()).state === "canceled";
      },
      { what: "the end of the session" },
    );
  });

  it("lock somebody out without a script, asked once, and show it from then on", async () => {
    edge.provider.account = { sub: "ben", name: "Ben", groups: ["tides"] };
    const ben = await edge.browser();
    await using browser = await TestBrowser.open({ scripts: false });
    const page = await pageOf(browser, "/operator");
    await until(page, "Ben");
    await page.getByRole("button", { name: "Lock out Ben" }).click();
    const dialog = page.getByRole("dialog", { name: "Lock out Ben" });
    await dialog.getByRole("textbox", { name: "Reason" }).fill("He has left");
    await dialog.getByRole("checkbox").check();
    await dialog.getByRole("button", { name: "Lock out" }).click();
    await page.getByText("Ben is locked out.").waitFor();
    await page.getByRole("row", { name: /Ben.*Locked out.*by Olga: He has left/ }).waitFor();
    expect(await edge.whoIs(ben)).toBeUndefined();
    await page.getByRole("button", { name: "Let Ben in" }).click();
    await page.getByText("Ben may log in again").waitFor();
    await edge.logIn(ben);
    await page.getByRole("button", { name: "Lock out Ben" }).click();
    await dialog.getByRole("textbox", { name: "Reason" }).fill("He has left for good");
    await dialog.getByRole("button", { name: "Lock out" }).click();
    await page.getByText("He has left for good").waitFor();
  });

  it("list the sessions that have ended, by state, user and words", async () => {
    await using browser = await TestBrowser.open();
    const page = await pageOf(browser, "/operator/sessions");
    await page.getByRole("link", { name: "Ended ones" }).click();
    await until(page, "rivers");
    await page.getByRole("combobox", { name: "State" }).selectOption("failed");
    await page.getByRole("button", { name: "Show" }).click();
    await page.getByText("No session that has ended is like that.").waitFor();
    await page.getByRole("link", { name: "Show everybody's" }).first().click();
    await page.getByRole("searchbox").fill("rivers ana");
    await page.keyboard.press("Enter");
    const row = page.getByRole("listitem").filter({ hasText: "rivers" });
    await row.getByText("canceled").waitFor();
    await row.getByRole("link", { name: "Ana" }).click();
    await page.getByText("rivers", { exact: true }).waitFor();
    await page.getByRole("link", { name: "Audit log of rivers" }).click();
    await page.getByText("session.cancel").last().waitFor();
  });

  it("send a webhook again that the platform did not take", async () => {
    receiver.answer = (_message, response) => void response.writeHead(410).end();
    await launch("lost");
    await using browser = await TestBrowser.open();
    const page = await pageOf(browser, "/operator/webhooks");
    await until(page, "the receiver answered 410");
    receiver.answer = (_message, response) => void response.writeHead(204).end();
    const before = receiver.received.length;
    await page
      .getByRole("button", { name: /^Send msg_\w+ again$/ })
      .first()
      .click();
    await eventually(() => receiver.received.length > before, { what: "the webhook's second arrival" });
  });

  it("have the audit log, and its export as JSON lines", async () => {
    await using browser = await TestBrowser.open();
    const page = await pageOf(browser, "/operator/audit?action=session.cancel");
    await until(page, "The node is taken <down>");
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: "Export as JSON lines" }).click();
    const chunks: string[] = [];
    for await (const chunk of await (await download).createReadStream()) chunks.push(String(chunk));
    const lines = chunks.join("").trimEnd().split("\n");
    expect(lines.map((line) => AuditLine.parse(JSON.parse(line)))).toMatchObject([
      { action: "session.cancel", by: { name: "Olga" }, detail: "The node is taken <down>" },
    ]);
  });

  it("are there for a program with the scope: its header comes from a file", async () => {
    const json = { name: "archive", scopes: ["operator"] };
    const made = await olga.go(`${edge.console}/api/tokens`, { json, headers: AS_PROGRAM });
    const { token } = CreatedToken.parse(await made.json());
    const home = await mkdtemp(join(tmpdir(), "berth-operator-"));
    try {
      const file = join(home, "operator-header.txt");
      await writeFile(file, `Authorization: Bearer ${token}\n`, { mode: 0o600 });
      const url = `${edge.console}/api/operator/audit?after=0`;
      const { stdout } = await run("curl", ["--silent", "--fail", "--header", `@${file}`, url]);
      const lines = stdout.trimEnd().split("\n");
      expect(lines.map((line) => AuditLine.parse(JSON.parse(line)).action)).toContain("login");
      expect(stdout).not.toContain(token);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  });

  it("are not there for others, who see no way to them", async () => {
    expect((await ana.go(`${edge.console}/operator`)).status).toBe(404);
    expect(await (await ana.go(`${edge.console}/`)).text()).not.toContain('href="/operator"');
  });
});

describe.each([
  { colorScheme: "light", width: 1200 },
  { colorScheme: "dark", width: 390 },
] as const)("in $colorScheme, $width px wide", (look) => {
  it("no page has a violation that axe finds, and none scrolls sideways", async () => {
    await using browser = await TestBrowser.open(look);
    const sessions = ["/sessions", "/sessions?state=queued", "/sessions/ended", "/sessions/ended?q=nothing"];
    const paths = ["", ...sessions, "/webhooks", "/audit", "/audit?user=x"];
    for (const path of paths) {
      const page = await pageOf(browser, `/operator${path}`);
      const { violations } = await new AxeBuilder({ page }).analyze();
      const found = violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]);
      const isWider = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      expect({ path, found, isWider }).toEqual({ path, found: [], isWider: false });
      await page.close();
    }
  });
});

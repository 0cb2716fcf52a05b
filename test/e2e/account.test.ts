import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CreatedToken } from "../../contract/account.ts";
import type { Scope } from "../../contract/person.ts";
import { BerthCommand } from "../support/berth-command.ts";
import { TestBrowser } from "../support/browser.ts";
import { LinkedEdge } from "../support/linked-edge.ts";

let edge: LinkedEdge;

beforeAll(async () => {
  edge = await LinkedEdge.start({ services: [], resources: [] });
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
});

/** The account page in a browser that has just logged in. */
async function accountPage(browser: TestBrowser): Promise<Page> {
  const page = await browser.page();
  await page.goto(await edge.loginLink());
  await page.goto(`${edge.url}/account`);
  return page;
}

async function openForm(page: Page): Promise<void> {
  if (!(await page.getByLabel("Name").isVisible())) await page.getByText(/^Make (a|another) token$/).click();
}

/** Makes a token as a person does, and returns what the page shows of it. */
async function makeToken(
  page: Page,
  name: string,
  more: { may?: string; ends?: string } = {},
): Promise<string> {
  await openForm(page);
  await page.getByLabel("Name").fill(name);
  if (more.may !== undefined) await page.getByLabel(more.may).check();
  if (more.ends !== undefined) await page.getByLabel("It ends after").selectOption(more.ends);
  await page.getByRole("button", { name: "Make the token" }).click();
  return page.locator(".created code").first().innerText();
}

const statusOf = async (token: string): Promise<number> =>
  (await fetch(`${edge.url}/api/me`, { headers: { authorization: `Bearer ${token}` } })).status;

describe("the account page", () => {
  it.each([true, false])("makes a token, shows it once, and revokes it (scripts: %s)", async (scripts) => {
    await using browser = await TestBrowser.open({ scripts });
    const page = await accountPage(browser);
    const name = `nightly ${scripts}`;
    const token = await makeToken(page, name, { ends: "30 days" });
    expect(token).toMatch(/^berth_api_/);
    expect(await statusOf(token)).toBe(200);
    expect(await page.getByText(`./berth login ${edge.url}`).count()).toBe(1);

    await page.goto(`${edge.url}/account`);
    expect(await page.content()).not.toContain(token);
    const row = page.locator(".entry", { hasText: name });
    expect(await row.innerText()).toMatch(/looks and launches[^]*used just now[^]*expires in (30|29) d/);
    await row.getByRole("button", { name: `Revoke ${name}` }).click();
    await row.getByRole("button", { name: "Revoke the token" }).click();
    await page.waitForURL(/\/account#tokens$/);
    expect(await page.locator(".entry", { hasText: name }).count()).toBe(0);
    expect(await statusOf(token)).toBe(401);
  });

  it("keeps what was typed when a name is taken, and says so at the field", async () => {
    await using browser = await TestBrowser.open();
    const page = await accountPage(browser);
    await makeToken(page, "taken", { may: "Look sees" });
    await openForm(page);
    await page.getByLabel("Name").fill("taken");
    await page.getByLabel("Look sees").check();
    await page.getByRole("button", { name: "Make the token" }).click();
    expect(await page.locator(".field .wrong").innerText()).toBe(
      'A token named "taken" is there already: choose another',
    );
    expect(await page.getByLabel("Name").inputValue()).toBe("taken");
    expect(await page.getByLabel("Look sees").isChecked()).toBe(true);
  });

  it("lists the browsers, ends one, and logs out everywhere", async () => {
    await using laptop = await TestBrowser.open();
    await using phone = await TestBrowser.open();
    const page = await accountPage(laptop);
    const other = await accountPage(phone);
    await page.reload();
    expect(await page.locator(".entry", { hasText: "this browser" }).innerText()).toContain(
      "Chrome on Linux",
    );
    await page.getByRole("button", { name: "End the login" }).first().click();
    await page.waitForURL(/\/account#logins$/);
    expect((await other.goto(`${edge.url}/account`))?.status()).toBe(401);
    await page.getByRole("button", { name: "Log out everywhere" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Log out everywhere" }).click();
    await page.waitForURL(`${edge.url}/`);
    expect((await page.goto(`${edge.url}/account`))?.status()).toBe(401);
  });

  it.each([
    { colorScheme: "light", width: 1200 },
    { colorScheme: "dark", width: 390 },
  ] as const)(
    "has nothing that axe finds, and does not scroll sideways: $colorScheme, $width px",
    async (look) => {
      await using browser = await TestBrowser.open(look);
      const page = await accountPage(browser);
      const check = async (): Promise<void> => {
        const { violations } = await new AxeBuilder({ page }).analyze();
        expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false);
      };
      await check();
      await makeToken(page, `axe ${look.width} ${"long".repeat(12)}`);
      await check();
      await openForm(page);
      await check();
      await page
        .getByRole("button", { name: /^Revoke axe/ })
        .first()
        .click();
      await check();
    },
  );

  it("is for browsers alone", async () => {
    await using browser = await TestBrowser.open();
    const token = await makeToken(await accountPage(browser), "nosy");
    const response = await fetch(`${edge.url}/account`, { headers: { authorization: `Bearer ${token}` } });
    expect(response.status).toBe(403);
  });
});

describe("the command line with an edge elsewhere", () => {
  let page: Page;
  let browser: TestBrowser;
  let command: BerthCommand;

  beforeAll(async () => {
    browser = await TestBrowser.open();
    page = await accountPage(browser);
  });

  afterAll(async () => {
    await browser[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    command = await BerthCommand.open();
    command.env["BERTH_EDGE"] = "";
    await writeFile(join(command.home, "token"), "local-token\n", { mode: 0o600 });
    return () => command[Symbol.asyncDispose]();
  });

  /** A token, made by the console's own page. */
  const tokenFor = async (name: string, scopes: readonly Scope[]): Promise<CreatedToken> =>
    CreatedToken.parse(
      await page.evaluate(async (body) => {
        const headers = { "content-type": "application/json" };
        return (await fetch("/api/tokens", { method: "POST", headers, body })).json();
      }, JSON.stringify({ name, scopes })),
    );

  const login = (token: string) => command.runWith(`${token}\n`, "login", edge.url);

  it("logs in with a token from standard input, says who that is, and lists", async () => {
    const { token } = await tokenFor("stdin", ["launch"]);
    expect(await login(token)).toEqual({
      code: 0,
      stdout: `Logged in at ${edge.url} as You, to read and launch.\n`,
      stderr: "",
    });
    const { stdout } = await command.run("whoami", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      edge: edge.url,
      user: "local",
      scopes: ["read", "launch"],
      token: { name: "stdin" },
    });
    expect((await command.run("whoami")).stdout).toMatch(
      /^edge {3}http:.*\nname {3}You\n[^]*token {2}stdin\n/,
    );
    expect((await command.run("list")).code).toBe(0);
    // What was there stays what it was.
    expect(await readFile(join(command.home, "token"), "utf8")).toBe("local-token\n");
  });

  it("asks for the token at a terminal, and does not show it", async () => {
    const { token } = await tokenFor("terminal", ["read"]);
    const end = await command.runAtTerminal(["login", edge.url], "API token for", token);
    expect(end.code).toBe(0);
    expect(end.stdout).toContain("Logged in at");
    expect(end.stdout).not.toContain(token.slice(0, 16));
  });

  it("takes the token from a file, or from the environment", async () => {
    const { token } = await tokenFor("file", ["read"]);
    const file = join(command.home, "given");
    await writeFile(file, `${token}\n`, { mode: 0o600 });
    expect((await command.run("login", edge.url, "--token-file", file)).code).toBe(0);
    await using other = await BerthCommand.open();
    Object.assign(other.env, { BERTH_EDGE: edge.url, BERTH_TOKEN: token });
    expect((await other.run("whoami")).stdout).toContain("file");
  });

  it.each(["", "local-token", "berth_agent_x.y", "two words"])("refuses %j as a token", async (token) => {
    const { code, stderr } = await login(token);
    expect(code).toBe(1);
    expect(stderr).toContain("that is no API token");
    expect((await command.run("whoami")).stderr).toContain("does not answer");
  });

  it("keeps nothing of a token that the edge does not take", async () => {
    const { code, stderr } = await login("berth_api_x.y");
    expect(code).toBe(1);
    expect(stderr).toContain(`${edge.url} does not take this token`);
    await expect(readFile(join(command.home, "edge.json"))).rejects.toThrow("ENOENT");
    await expect(readFile(join(command.home, "edge-token.json"))).rejects.toThrow("ENOENT");
  });

  it("says which scope is missing, and what to do", async () => {
    const { token } = await tokenFor("reader", ["read"]);
    await login(token);
    const { code, stderr } = await command.run("cancel", "s4k2m9x0v7qrt");
    expect(code).toBe(1);
    expect(stderr).toContain('it needs the scope "launch"');
    expect(stderr).toContain("berth login");
  });

  it("says when the token was revoked", async () => {
    const { id, token } = await tokenFor("short", ["read"]);
    await login(token);
    await page.evaluate(
      (path) => fetch(path, { method: "DELETE" }).then(() => undefined),
      `/api/tokens/${id}`,
    );
    const { code, stderr } = await command.run("list");
    expect(code).toBe(1);
    expect(stderr).toMatch(/was revoked, or has ended\n.*berth login/);
  });

  it("logs out: forgets the edge, and revokes the token there", async () => {
    const { token } = await tokenFor("leaving", ["read"]);
    await login(token);
    expect((await command.run("logout")).stdout).toBe(`Logged out of ${edge.url}; its token is revoked.\n`);
    expect(await statusOf(token)).toBe(401);
    expect((await command.run("logout")).stdout).toBe("No login is kept here.\n");
    expect(await readFile(join(command.home, "token"), "utf8")).toBe("local-token\n");
  });
});

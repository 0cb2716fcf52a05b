import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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
  if (more.ends !== undefined) await page.getByLabel("It ends").selectOption(more.ends);
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
    const token = await makeToken(page, name, { ends: "in 30 days" });
    expect(token).toMatch(/^berth_api_/);
    expect(await statusOf(token)).toBe(200);
    await page.getByText(`./berth login ${edge.url}`).waitFor();

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

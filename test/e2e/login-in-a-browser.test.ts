import { afterAll, beforeAll, expect, it } from "vitest";
import { TestBrowser } from "../support/browser.ts";
import { OidcEdge } from "../support/oidc-edge.ts";

let edge: OidcEdge;
let browser: TestBrowser;

beforeAll(async () => {
  edge = await OidcEdge.start();
  browser = await TestBrowser.open();
});

afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await edge[Symbol.asyncDispose]();
});

it("somebody logs in at the provider by one button, and out again there and here", async () => {
  const page = await browser.page();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await page.goto(`${edge.console}/services`);
  await page.getByRole("link", { name: "Log in" }).click();
  // At the same address, as somebody.
  await page.getByRole("button", { name: "Ana" }).click();
  expect(page.url()).toBe(`${edge.console}/services`);
  await page.getByRole("button", { name: "Log out" }).click();
  // The page between goes on by itself, although the form may lead to no other host.
  await page.waitForURL(`${edge.provider.issuer}/session/end**`);
  await page.getByRole("button", { name: "Log out" }).click();
  await page.waitForURL(`${edge.console}/`);
  await page.getByRole("heading", { name: "Log in to Berth" }).waitFor();
  expect(await browser.context.cookies(edge.console)).toEqual([]);
  // Beside the pages that are a 401, the provider's icon, and the page's event stream, which the logout cuts off.
  const usual = /responded with a status of 40[14]|ERR_INCOMPLETE_CHUNKED_ENCODING/;
  expect(complaints.filter((text) => !usual.test(text))).toEqual([]);
});

it("a logout in one tab leaves nothing in another, but what is typed there", async () => {
  const context = await browser.another();
  const [one, other, form] = [await context.newPage(), await context.newPage(), await context.newPage()];
  await one.goto(`${edge.console}/login?to=/account`);
  await one.getByRole("heading", { name: "Account" }).waitFor();
  await other.goto(`${edge.console}/notifications`);
  await form.goto(`${edge.console}/account`);
  await form.getByLabel("Name").fill("nightly");

  await one.getByRole("button", { name: "Ana" }).click();
  await one.getByRole("dialog", { name: "Account" }).getByRole("button", { name: "Log out" }).click();
  await other.getByRole("heading", { name: "Log in to Berth" }).waitFor();
  expect(other.url()).toBe(`${edge.console}/notifications`);
  await form.getByText("You are logged out.").waitFor();
  expect(await form.getByLabel("Name").inputValue()).toBe("nightly");
  await form.getByRole("link", { name: "log in again" }).click();
  await form.getByRole("heading", { name: "Log in to Berth" }).waitFor();
  expect(await form.content()).not.toContain("Ana");
  await context.close();
});

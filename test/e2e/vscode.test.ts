import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { Berth } from "../support/berth.ts";
import { TestBrowser } from "../support/browser.ts";
import { needs } from "../support/requires.ts";

beforeEach(needs("code-server", "npm install --global code-server@4.139.1"));

it("VS Code opens a folder, and what is typed into a file is saved", { timeout: 180_000 }, async () => {
  await using berth = await Berth.start();
  await using browser = await TestBrowser.open();
  const folder = join(berth.home, "project");
  await mkdir(folder);
  await writeFile(join(folder, "tide.txt"), "low water\n");
  const { id } = await berth.launch({ service: "vscode", inputs: { folder } });
  const { url } = await berth.until(id, "running");

  const page = await browser.page();
  await page.goto(berth.link);
  await page.goto(new URL(url ?? "", berth.url).href);
  await page.locator(".monaco-workbench").waitFor({ timeout: 90_000 });
  await page.getByRole("treeitem", { name: "tide.txt" }).dblclick();
  await page.locator(".monaco-editor .view-lines", { hasText: "low" }).click();
  await page.keyboard.press("Control+Home");
  await page.keyboard.type("high water, then ");
  await page.keyboard.press("Control+s");
  await expect
    .poll(() => berth.read(join(folder, "tide.txt")), { timeout: 60_000 })
    .toBe("high water, then low water\n");
});

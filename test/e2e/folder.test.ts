import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { Berth } from "../support/berth.ts";
import { TestBrowser } from "../support/browser.ts";
import { needs } from "../support/requires.ts";

beforeEach(needs("nginx", "apt-get install nginx-light"));

it(
  "a folder chosen in the form is listed, and its files come through whole",
  { timeout: 120_000 },
  async () => {
    await using berth = await Berth.start();
    await using browser = await TestBrowser.open();
    await using home = await mkdtempDisposable(join(tmpdir(), "berth-folder-"));
    const folder = join(home.path, 'my "results"; $HOME');
    await mkdir(join(folder, "plots"), { recursive: true });
    await writeFile(join(folder, "plots", "tide.csv"), "hour,height\n1,2.5\n");

    const page = await browser.page();
    await page.goto(berth.link);
    await page.goto(`${berth.url}/launch/nginx`);
    await page.getByLabel("Folder", { exact: true }).fill(folder);
    await page.getByRole("button", { name: "Launch and open" }).click();
    await page.waitForURL(/^http:\/\/sessions\.localhost:\d+\/me\/\d+\//);
    await page.getByRole("link", { name: "plots/" }).click();
    await page.waitForURL(/\/me\/\d+\/plots\/$/);
    const [session] = await berth.sessions();
    const file = await berth.fetch(`/me/${session?.port}/plots/tide.csv`);
    expect(await file.text()).toBe("hour,height\n1,2.5\n");
  },
);

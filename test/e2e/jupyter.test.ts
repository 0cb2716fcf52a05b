import { beforeEach, expect, it } from "vitest";
import { Berth } from "../support/berth.ts";
import { picture, TestBrowser } from "../support/browser.ts";
import { eventually } from "../support/eventually.ts";
import { processesOf } from "../support/processes.ts";
import { needs } from "../support/requires.ts";

beforeEach(needs("jupyter-notebook", "apt-get install jupyter-notebook"));

it(
  "a scientist launches Jupyter by the form, computes in a notebook, and cancels it",
  { timeout: 180_000 },
  async () => {
    await using berth = await Berth.start();
    await using browser = await TestBrowser.open({ width: 1000, height: 560 });
    const console_ = await browser.page();
    await console_.goto(berth.link);
    await console_.goto(`${berth.url}/launch/jupyter-notebook`);
    await console_.getByLabel("Folder").fill(berth.home);
    await console_.getByRole("button", { name: "Launch", exact: true }).click();
    await console_.waitForURL(/\/sessions\/s/);
    const id = new URL(console_.url()).pathname.split("/").at(-1) ?? "";

    await console_.getByRole("link", { name: /^Open / }).waitFor({ timeout: 60_000 });
    const [tree] = await Promise.all([
      browser.context.waitForEvent("page"),
      console_.getByRole("link", { name: /^Open / }).click(),
    ]);
    await tree.waitForURL(/^http:\/\/sessions\.localhost:\d+\/me\/\d+\/tree/);

    const { port } = await berth.session(id);
    // The button is there before what it does: the menu's entries come with that.
    await tree.getByText("Python 3 (ipykernel)").waitFor({ state: "attached" });
    await tree.getByRole("button", { name: "New" }).click();
    const [notebook] = await Promise.all([
      browser.context.waitForEvent("page"),
      tree.getByText("Python 3 (ipykernel)").click(),
    ]);
    await notebook.waitForURL(new RegExp(`/me/${port}/notebooks/`));
    await notebook.waitForFunction(() =>
      document.querySelector("#kernel_indicator_icon")?.classList.contains("kernel_idle_icon"),
    );
    await notebook.locator(".CodeMirror").first().click();
    await notebook.keyboard.type("print(6*7)");
    await notebook.keyboard.press("Shift+Enter");
    await notebook.locator(".output_stdout", { hasText: /^42/ }).waitFor();
    await picture(notebook, "notebook");
    await console_.goto(berth.url);
    await console_.getByText("running").first().waitFor();
    await picture(console_, "console");

    expect(await processesOf(id)).not.toEqual([]);
    await console_.goto(`${berth.url}/sessions/${id}`);
    await console_.getByRole("button", { name: /^Cancel / }).click();
    await console_.getByRole("button", { name: "Cancel the session" }).click();
    await console_.getByText("canceled").first().waitFor();
    await eventually(async () => (await processesOf(id)).length === 0, { what: "no process to be left" });
    await tree.reload();
    await tree.getByText("Launch again").waitFor();
  },
);

import { expect, it } from "vitest";
import { Berth } from "../support/berth.ts";
import { TestBrowser } from "../support/browser.ts";
import { eventually } from "../support/eventually.ts";
import { processesOf } from "../support/processes.ts";

it("a shell in the browser computes, follows the window's size, and survives a reload", async () => {
  await using berth = await Berth.start();
  await using browser = await TestBrowser.open();
  const page = await browser.page();
  await page.goto(berth.link);
  await page.goto(`${berth.url}/launch/webshell`);
  await page.getByRole("button", { name: "Launch and open" }).click();
  await page.waitForURL(/^http:\/\/sessions\.localhost:\d+\/me\/\d+\//);
  const screen = page.locator(".xterm-rows");
  const type = async (line: string): Promise<void> => {
    await page.locator(".xterm-helper-textarea").focus();
    await page.keyboard.type(line);
    await page.keyboard.press("Enter");
  };
  const shows = (text: RegExp): Promise<unknown> =>
    eventually(async () => text.test(await screen.innerText()), { what: `the screen to show ${text}` });

  await shows(/[$#] /);
  await type("echo answer-$((6*7))");
  await shows(/answer-42/);
  await type("echo wide-$(tput cols)");
  await shows(/wide-\d+/);
  const wide = Number(/wide-(\d+)/.exec(await screen.innerText())?.[1]);
  await page.setViewportSize({ width: 600, height: 500 });
  await eventually(
    async () => {
      await type("echo narrow-$(tput cols)");
      const narrow = /narrow-(\d+)/.exec(await screen.innerText())?.[1];
      return narrow !== undefined && Number(narrow) < wide;
    },
    { what: "the shell to learn its new width" },
  );

  await type("kept=still-here");
  await page.reload();
  await screen.waitFor();
  await shows(/kept=still-here/);
  await type("echo $kept-after");
  await shows(/still-here-after/);

  const [session] = await berth.sessions();
  expect(session?.state).toBe("running");
  await berth.cancel(session?.id ?? "");
  await berth.until(session?.id ?? "", "canceled");
  expect(await processesOf(session?.id ?? "")).toEqual([]);
  await page
    .getByText(/ended|canceled|over|lost|disconnect/i)
    .first()
    .waitFor();
});

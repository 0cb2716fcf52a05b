import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Session } from "../../contract/session.ts";
import { Berth } from "../support/berth.ts";
import { TestBrowser } from "../support/browser.ts";
import { needs } from "../support/requires.ts";

/** What the applications' host gives a browser on HTTPS: no script can plant one (RFC 6265bis, section 4.1.3). */
const COOKIE = "__Host-Http-berth_session";

beforeEach(needs("nginx", "apt-get install nginx-light"));

/** A folder whose pages are what its session serves: a page, a script and a picture, as any application has them. */
async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "berth-isolation-"));
  await writeFile(join(folder, "page.html"), "<!doctype html><title>page</title><p>mine</p>");
  await writeFile(join(folder, "secret.txt"), "the tide table");
  await writeFile(join(folder, "data.js"), "globalThis.stolen = 'the tide table';");
  await writeFile(join(folder, "plot.svg"), '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>');
  return folder;
}

/** A Berth that keeps its sessions' hosts so, two folders served by it, and a browser that is logged in. */
class Stage implements AsyncDisposable {
  readonly berth: Berth;
  readonly browser: TestBrowser;
  readonly folder: string;
  readonly sessions: readonly [Session, Session];

  private constructor(berth: Berth, browser: TestBrowser, folder: string, sessions: [Session, Session]) {
    this.berth = berth;
    this.browser = browser;
    this.folder = folder;
    this.sessions = sessions;
  }

  static async set(hosts: "one" | "each" | "none"): Promise<Stage> {
    const [berth, browser, folder] = [
      await Berth.start({ env: { BERTH_SESSION_HOSTS: hosts } }),
      await TestBrowser.open(),
      await makeFolder(),
    ];
    await (await browser.page()).goto(berth.link);
    const launch = async (): Promise<Session> => {
      const { id } = await berth.launch({ service: "nginx", inputs: { folder } });
      return berth.until(id, "running");
    };
    return new Stage(berth, browser, folder, [await launch(), await launch()]);
  }

  /** A file of a session's, by the address that the console links to. */
  address(session: Session, file: string): string {
    return `${this.berth.url}/me/${session.port}/${file}`;
  }

  /** Opens a session's page in a tab of its own. */
  async open(session: Session): Promise<Page> {
    const page = await this.browser.page();
    await page.goto(this.address(session, "page.html"));
    expect(await page.innerText("p")).toBe("mine");
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser[Symbol.asyncDispose]();
    await this.berth[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}

type Init = { method?: string; mode?: "no-cors" };

/** What a script in a page gets of an address. */
const fetchIn = (page: Page, url: string, init: Init = {}): Promise<string> =>
  page.evaluate(
    async ([address, how]) => {
      try {
        const response = await fetch(address, { ...how, credentials: "include" });
        return response.type === "opaque" ? "opaque" : `${response.status} ${await response.text()}`;
      } catch {
        return "refused";
      }
    },
    [url, init] as const,
  );

/** Whether an element with this source loads in a page. */
const embedIn = (page: Page, tag: "img" | "script" | "link", url: string): Promise<boolean> =>
  page.evaluate(
    ([name, address]) =>
      new Promise<boolean>((resolve) => {
        const element = document.createElement(name);
        if (element instanceof HTMLLinkElement) element.rel = "stylesheet";
        element.setAttribute(name === "link" ? "href" : "src", address);
        element.addEventListener("load", () => resolve(true));
        element.addEventListener("error", () => resolve(false));
        document.head.append(element);
      }),
    [tag, url] as const,
  );

const stolenIn = (page: Page): Promise<unknown> =>
  page.evaluate(() => (globalThis as { stolen?: unknown }).stolen ?? null);

/** Every way by which a page might read Berth's API, or make it do something. */
async function expectNoApi(stage: Stage, page: Page): Promise<void> {
  const { berth } = stage;
  const before = await berth.sessions();
  for (const init of [{}, { mode: "no-cors" }, { method: "POST", mode: "no-cors" }] as const)
    expect(await fetchIn(page, `${berth.url}/api/sessions`, init)).toMatch(/^(?:refused|opaque)$/);
  expect(await embedIn(page, "script", `${berth.url}/api/sessions`)).toBe(false);
  // On the page's own host there is none.
  expect(await fetchIn(page, "/api/sessions")).toMatch(/^404 /);
  expect(await fetchIn(page, "/api/login-links", { method: "POST" })).toMatch(/^404 /);
  expect((await berth.sessions()).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
}

describe("each session on a host of its own", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.set("each");
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const hostOf = ({ id }: Session): string => `http://${id}.sessions.localhost:${stage.berth.port}`;

  it("is launched in the console and opens there, through its loading page", async () => {
    const page = await stage.browser.page();
    await page.goto(`${stage.berth.url}/launch/nginx`);
    await page.getByLabel("Folder", { exact: true }).fill(stage.folder);
    await page.getByRole("button", { name: "Launch and open" }).click();
    await page.waitForURL(/^http:\/\/s[0-9a-z]{12}\.sessions\.localhost:\d+\/me\/\d+\//);
    const [newest] = await stage.berth.sessions();
    expect(new URL(page.url()).origin).toBe(newest === undefined ? undefined : hostOf(newest));
    await page.getByRole("link", { name: "secret.txt" }).click();
    await page.waitForURL(/\/secret\.txt$/);
    expect(await page.innerText("body")).toBe("the tide table");
    await stage.berth.fetch(`/api/sessions/${newest?.id}/cancel`, { method: "POST" });
  });

  it("is found from the sessions' common host, too", async () => {
    const [first] = stage.sessions;
    const page = await stage.browser.page();
    await page.goto(`http://sessions.localhost:${stage.berth.port}/me/${first.port}/page.html`);
    expect(page.url()).toBe(`${hostOf(first)}/me/${first.port}/page.html`);
  });

  it("serves nothing but this session", async () => {
    const [first, second] = stage.sessions;
    const page = await stage.open(first);
    expect(await fetchIn(page, `/me/${second.port}/secret.txt`)).toMatch(/^404 /);
    expect(await fetchIn(page, `/wait/${second.port}`)).toMatch(/^404 /);
    expect(await fetchIn(page, `/me/${first.port}/secret.txt`)).toBe("200 the tide table");
    await page.goto(`${hostOf(first)}/me/${second.port}/page.html`);
    expect(await page.innerText("h1")).toBe("No session here");
  });

  it("neither reads nor embeds another session", async () => {
    const [first, second] = stage.sessions;
    await stage.open(second);
    const page = await stage.open(first);
    const theirs = `${hostOf(second)}/me/${second.port}`;
    expect(await fetchIn(page, `${theirs}/secret.txt`)).toBe("refused");
    expect(await embedIn(page, "script", `${theirs}/data.js`)).toBe(false);
    expect(await embedIn(page, "img", `${theirs}/plot.svg`)).toBe(false);
    expect(await stolenIn(page)).toBeNull();
    // The same of its own is there: what is refused is the other's.
    expect(await embedIn(page, "img", "plot.svg")).toBe(true);
    expect(await embedIn(page, "script", "data.js")).toBe(true);
    expect(await stolenIn(page)).toBe("the tide table");
    await page.evaluate((address) => {
      document.body.append(Object.assign(document.createElement("iframe"), { src: address }));
    }, `${theirs}/page.html`);
    await page.waitForFunction(() => window.length === 1);
    await expect.poll(() => page.frames().length).toBe(2);
    for (const frame of page.frames().slice(1)) expect(await frame.content()).not.toContain("<p>mine</p>");
  });

  it("holds no window of another session's, opened by it or by the console", async () => {
    const [first, second] = stage.sessions;
    const page = await stage.open(first);
    const [opened] = await Promise.all([
      stage.browser.context.waitForEvent("page"),
      page.evaluate(
        (address) => {
          Object.assign(globalThis, { held: window.open(address) });
        },
        `${hostOf(second)}/me/${second.port}/page.html`,
      ),
    ]);
    await opened.waitForSelector("p");
    expect(await opened.evaluate(() => window.opener)).toBeNull();
    await page.waitForFunction(() => (globalThis as { held?: Window }).held?.closed === true);
  });

  it("reaches nothing of Berth's API", async () => {
    await expectNoApi(stage, await stage.open(stage.sessions[0]));
  });

  it("is closed by the logout, wherever its cookie lies", async () => {
    const [first, second] = stage.sessions;
    const pages = [await stage.open(first), await stage.open(second)] as const;
    const console = await stage.browser.page();
    await console.goto(`${stage.berth.url}/`);
    expect(await fetchIn(console, "/logout", { method: "POST" })).toMatch(/^(?:200|401) /);
    for (const [index, page] of pages.entries())
      expect(await fetchIn(page, `/me/${stage.sessions[index]?.port}/secret.txt`)).toMatch(/^401 /);
    await pages[0].reload();
    expect(await pages[0].innerText("h1")).toBe("Log in to Berth");
    expect(new URL(pages[0].url()).origin).toBe(stage.berth.url);
  });
});

describe("all sessions on one host", () => {
  it("are apart from the console, whose API their pages do not reach", async () => {
    await using stage = await Stage.set("one");
    const page = await stage.open(stage.sessions[0]);
    expect(new URL(page.url()).origin).toBe(`http://sessions.localhost:${stage.berth.port}`);
    await expectNoApi(stage, page);
    expect(await embedIn(page, "link", `${stage.berth.url}/`)).toBe(false);
    // Nor does a page there log its reader in as somebody else, by a cookie of the name that Berth's have on HTTPS.
    const planted = `${COOKIE}=planted`;
    await page.evaluate((cookie) => {
      document.cookie = `${cookie}; Path=/; Secure`;
      document.cookie = "other=1; Path=/; Secure";
    }, planted);
    expect(await page.evaluate(() => document.cookie)).toBe("other=1");
    const names = (await stage.browser.context.cookies()).map(({ name }) => name);
    expect(names).not.toContain(COOKIE);
    await page.goto(`${stage.berth.url}/account`);
    expect(await page.getByText("kept apart").count()).toBe(0);
  });
});

describe("no host for the sessions", () => {
  it("serves them at the console's, and says what that gives up", async () => {
    await using stage = await Stage.set("none");
    const page = await stage.open(stage.sessions[0]);
    expect(new URL(page.url()).origin).toBe(stage.berth.url);
    // One origin is one trust: this is what the notice is about, and no header would help.
    expect(await fetchIn(page, "/api/sessions")).toMatch(/^200 \[/);
    expect(await fetchIn(page, "/operator")).toMatch(/^404 /);
    await page.goto(`${stage.berth.url}/account`);
    expect(await page.innerText('[role="note"]')).toContain("applications are not kept apart from Berth");
    // Its own cookies never reach an application all the same, nor can one set them.
    const cookies = await stage.browser.context.cookies();
    expect(cookies.map(({ name, httpOnly }) => [name, httpOnly])).toContainEqual(["berth", true]);
  });
});

import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Chromium without its calls home; root may not use its sandbox. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const IMAGES = join(import.meta.dirname, "../../docs/images");

/** A real Chromium; one fresh profile for each. */
export class TestBrowser implements AsyncDisposable {
  readonly #browser: Browser;
  readonly context: BrowserContext;
  /** Another profile: somebody else's browser. It ends with this one. */
  readonly another: () => Promise<BrowserContext>;

  private constructor(browser: Browser, context: BrowserContext, another: () => Promise<BrowserContext>) {
    this.#browser = browser;
    this.context = context;
    this.another = another;
  }

  static async open(
    options: { width?: number; height?: number; colorScheme?: "light" | "dark"; scripts?: boolean } = {},
  ): Promise<TestBrowser> {
    const { width = 1200, height = 800, colorScheme = "light", scripts = true } = options;
    const executablePath = CHROMIUM.find((path) => existsSync(path));
    if (executablePath === undefined)
      throw new Error("Cannot find Chromium. Install it: apt-get install chromium");
    const browser = await chromium.launch({ executablePath, args: FLAGS });
    const settings = {
      viewport: { width, height },
      colorScheme,
      reducedMotion: "reduce",
      javaScriptEnabled: scripts,
    } as const;
    const fresh = async (): Promise<BrowserContext> => {
      const context = await browser.newContext(settings);
      context.setDefaultTimeout(30_000);
      return context;
    };
    return new TestBrowser(browser, await fresh(), fresh);
  }

  page(): Promise<Page> {
    return this.context.newPage();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close();
    await this.#browser.close();
  }
}

/**
 * Takes a picture for the README, when the tests are asked to make them anew: `BERTH_SCREENSHOTS=1 npm test -- e2e`.
 * Otherwise pictures that differ by a clock would change with every run.
 */
export async function picture(page: Page, name: string): Promise<void> {
  if (process.env["BERTH_SCREENSHOTS"] === undefined) return;
  const path = join(IMAGES, `${name}.png`);
  await mkdir(dirname(path), { recursive: true });
  await page.screenshot({ path, animations: "disabled" });
}

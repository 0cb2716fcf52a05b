import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Partition, Resource } from "../../contract/resource.ts";
import { service } from "../functions/support/samples.ts";
import { TestBrowser } from "../support/browser.ts";
import { eventually } from "../support/eventually.ts";
import { LinkedEdge } from "../support/linked-edge.ts";

const SERVICE = service({ placements: ["workspace", "controller", "compute"] });

const partition = (changes: Partial<Partition>): Partition =>
  Partition.parse({
    name: "batch",
    isDefault: false,
    state: "up",
    reason: null,
    maxWalltime: 604_800,
    defaultWalltime: 3600,
    nodes: { total: 128, free: 12 },
    cpusPerNode: 64,
    memoryPerNode: 262_144,
    gpus: [],
    ...changes,
  });

const HOPPER = Resource.parse({
  name: "hopper",
  scheduler: "slurm",
  host: "ana@login.hopper.example",
  state: "reachable",
  trouble: null,
  partitions: [
    partition({ isDefault: true }),
    partition({ name: "gpu", maxWalltime: 86_400, gpus: [{ type: "a100", total: 32, free: 21 }] }),
    partition({ name: "debug", state: "down", reason: "maintenance until Monday" }),
  ],
  askedAt: Date.now(),
});

const RESOURCES: Resource[] = [
  HOPPER,
  {
    ...HOPPER,
    name: "lowe",
    scheduler: "pbs",
    state: "unreachable",
    trouble: { text: "ssh: connect to host lowe port 22: Connection timed out", since: Date.now() },
    partitions: [],
    askedAt: null,
  },
  { ...HOPPER, name: "box", scheduler: "none", state: "unasked", partitions: [], askedAt: null },
];

const COMPUTE = { service: "notebook", placement: "compute", resource: "hopper" } as const;

let edge: LinkedEdge;
let paths: Record<string, string>;

beforeAll(async () => {
  edge = await LinkedEdge.start({ services: [SERVICE], resources: RESOURCES });
  const queued = await edge.session(
    { ...COMPUTE, scheduler: { partition: "gpu", gpus: 2 } },
    {
      state: "queued",
      jobId: "48213",
      port: 51_458,
      queue: { position: 3, reason: "Resources", estimatedStart: Date.now() + 3_600_000 },
    },
  );
  const running = await edge.session(COMPUTE, {
    state: "running",
    jobId: "48212",
    node: "c12",
    port: 51_459,
    startedAt: Date.now(),
    endsAt: Date.now() + 400_000,
    trouble: "Cannot ask the scheduler since 14:02: Unable to contact slurm controller",
  });
  paths = {
    home: "/",
    resources: "/resources",
    form: "/launch/notebook",
    queued: `/sessions/${queued.id}`,
    running: `/sessions/${running.id}`,
    loading: queued.url ?? "",
  };
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
});

const FIELDS = ["placement", "partition.hopper", "partition.lowe", "walltime", "gpus"] as const;
const named = (field: string): string => `[name="${field === "placement" ? field : `scheduler.${field}`}"]`;

/** Which of the form's fields are in sight. */
async function inSight(page: Page): Promise<string[]> {
  const shown = await Promise.all(FIELDS.map((field) => page.locator(named(field)).first().isVisible()));
  return FIELDS.filter((_, index) => shown[index]);
}

const choose = (page: Page, name: string, value: string): Promise<void> =>
  page.check(`[name="${name}"][value="${value}"]`);

describe("the launch form", () => {
  it("shows what matters for the place that is chosen, and sends nothing else", async () => {
    await using browser = await TestBrowser.open();
    const page = await browser.page();
    await page.goto(await edge.loginLink());
    await page.goto(`${edge.url}/launch/notebook`);
    expect(await inSight(page)).toEqual([]);
    await choose(page, "resource", "hopper");
    expect(await inSight(page)).toEqual(["placement", "partition.hopper", "walltime"]);
    await page.selectOption(named("partition.hopper"), "gpu");
    expect(await inSight(page)).toEqual(["placement", "partition.hopper", "walltime", "gpus"]);
    expect(await page.textContent("[data-limit-of]")).toContain("gpu gives 1 h, and up to 24 h when asked");
    await page.fill(named("gpus"), "2");
    await page.fill(named("walltime"), "4 h");
    await choose(page, "resource", "lowe");
    expect(await inSight(page)).toEqual(["placement", "partition.lowe", "walltime", "gpus"]);
    await choose(page, "placement", "controller");
    expect(await inSight(page)).toEqual(["placement"]);
    await choose(page, "resource", "box");
    expect(await inSight(page)).toEqual([]);
    await choose(page, "resource", "hopper");
    await choose(page, "placement", "compute");
    await page.selectOption(named("partition.hopper"), "batch");
    await page.click("button.primary");
    await page.waitForURL(/\/sessions\/s/);
    const [launched] = await edge.sessions();
    expect(launched).toMatchObject({
      placement: "compute",
      resource: "hopper",
      scheduler: { partition: "batch", walltime: 14_400 },
    });
    expect(launched?.scheduler?.gpus).toBeUndefined();
  });

  it("launches on a cluster without scripts too", async () => {
    await using browser = await TestBrowser.open();
    const context = await browser.context.browser()?.newContext({ javaScriptEnabled: false });
    const page = await context?.newPage();
    if (page === undefined) throw new Error("no page");
    await page.goto(await edge.loginLink());
    await page.goto(`${edge.url}/launch/notebook`);
    expect(await inSight(page)).toEqual([...FIELDS]);
    await choose(page, "resource", "hopper");
    await page.selectOption(named("partition.hopper"), "gpu");
    await page.fill(named("gpus"), "1");
    await page.click("button.primary");
    await page.waitForURL(/\/sessions\/s/);
    expect((await edge.sessions())[0]).toMatchObject({
      resource: "hopper",
      scheduler: { partition: "gpu", gpus: 1 },
    });
  });
});

describe("an open page", () => {
  it("follows its clusters, and the time that is left", async () => {
    await using browser = await TestBrowser.open();
    const page = await browser.page();
    await page.goto(await edge.loginLink());
    await page.goto(`${edge.url}${paths["running"]}`);
    const bar = page.locator("progress").first();
    const left = (): Promise<number> => bar.evaluate((element) => (element as HTMLProgressElement).value);
    const before = await left();
    await eventually(async () => (await left()) < before, { what: "the bar to empty" });
    await page.goto(`${edge.url}/resources`);
    edge.send({ type: "resources", resources: [...RESOURCES, { ...HOPPER, name: "turing" }] });
    await page.waitForSelector("#resource-turing");
    edge.send({ type: "resources", resources: RESOURCES });
    await page.waitForSelector("#resource-turing", { state: "detached" });
  });
});

describe.each([
  { colorScheme: "light", width: 1200 },
  { colorScheme: "dark", width: 360 },
] as const)("in $colorScheme, $width px wide", (look) => {
  it("no page of a cluster has a violation that axe finds, and none scrolls sideways", async () => {
    await using browser = await TestBrowser.open(look);
    const page = await browser.page();
    await page.goto(await edge.loginLink());
    for (const [name, path] of Object.entries(paths)) {
      await page.goto(`${edge.url}${path}`);
      if (name === "form") {
        await choose(page, "resource", "hopper");
        await page.click("summary");
      }
      const { violations } = await new AxeBuilder({ page }).analyze();
      const found = violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]);
      const isWider = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      expect({ name, found, isWider }).toEqual({ name, found: [], isWider: false });
    }
  });
});

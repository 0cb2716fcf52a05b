import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Notification, type Session } from "../../contract/session.ts";
import { TestBrowser } from "../support/browser.ts";
import { needsCluster } from "../support/cluster.ts";
import { ClusterBerth, NODE_ECHO } from "../support/cluster-berth.ts";
import { eventually } from "../support/eventually.ts";
import { HOSTS } from "./layout.ts";

/** Keeps what was typed, byte by byte, in a file of its user's home, before it answers. */
const KEEPER = {
  ...NODE_ECHO,
  "service.yaml": "inputs:\n  - { name: text, type: multiline }\n  - { name: word, type: string }\n",
  "start_template.sh": `printf '%s' "$service_text" >~/kept-text
printf '%s' "$service_word" >~/kept-word
${NODE_ECHO["start_template.sh"]}`,
};

let hpc: ClusterBerth;
let browser: TestBrowser;
let page: Page;

beforeEach(needsCluster());

beforeAll(async () => {
  hpc = await ClusterBerth.start({
    services: { echo: NODE_ECHO, keeper: KEEPER },
    resources: { hopper: "slurm", lowe: "pbs" },
  });
  browser = await TestBrowser.open();
  // What the scheduler does comes onto the page in its own time.
  browser.context.setDefaultTimeout(60_000);
  page = await browser.page();
  await page.goto(hpc.berth.link);
});

afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await hpc?.[Symbol.asyncDispose]();
});

const ended = async ({ id }: Session): Promise<Session> => {
  await hpc.berth.cancel(id);
  return await hpc.berth.until(id, "canceled");
};

const nothingLeft = (): Promise<void> => hpc.untilNothingIsLeft();

const scontrol = (...parameters: string[]): Promise<string> =>
  hpc.cluster.host("ctl").mustExec(["scontrol", ...parameters]);

describe("behind a full partition", () => {
  it("the session's page and its address say why, and go on by themselves", async () => {
    const full = await hpc.cluster.slurm.fill("small");
    const { id } = await hpc.launch({ scheduler: { partition: "small" } });
    await page.goto(`${hpc.berth.url}/sessions/${id}`);
    await page.locator("#session[data-state=queued]").waitFor();
    await page.getByText(/^place 1 · .*\(Resources\)$/).waitFor();
    const { url, queue } = await hpc.berth.until(id, "queued");
    expect(queue).toMatchObject({ position: 1, reason: expect.stringContaining("(Resources)") });

    const loading = await browser.page();
    await loading.goto(new URL(url ?? "", hpc.berth.url).href);
    await loading.getByText(/It waits in the cluster's queue: place 1 · .*\(Resources\)\./).waitFor();

    await full[Symbol.asyncDispose]();
    await page.locator("#session[data-state=running]").waitFor();
    await loading.getByText(/^c2 \d+ \//).waitFor();
    await page.getByText("c2", { exact: true }).first().waitFor();
    await loading.close();
    await ended(await hpc.berth.session(id));
    await nothingLeft();
  });

  it("a job of qsub waits, and goes on by itself", async () => {
    const full = await hpc.cluster.slurm.fill("small");
    const { id } = await hpc.launch({ resource: "lowe", scheduler: { partition: "small" } });
    await page.goto(`${hpc.berth.url}/sessions/${id}`);
    await page.locator("#session[data-state=queued]").waitFor();
    await full[Symbol.asyncDispose]();
    await page.locator("#session[data-state=running]").waitFor();
    await ended(await hpc.berth.session(id));
    await nothingLeft();
  });

  it("a job that the scheduler takes and will never start fails with its reason", async () => {
    const { id } = await hpc.launch({ scheduler: { partition: "small", walltime: 7200 } });
    await page.goto(`${hpc.berth.url}/sessions/${id}`);
    await page
      .locator("#session .error", { hasText: /asks for more time than the partition allows/ })
      .waitFor();
    expect(await hpc.berth.until(id, "failed")).toMatchObject({
      error: expect.stringContaining("(PartitionTimeLimit)") as string,
    });
    await nothingLeft();
  });
});

describe("the walltime", () => {
  it("counts down on the page, and is warned of 10 and 2 minutes before it is over", async () => {
    const session = await hpc.run({ name: "Tides", scheduler: { walltime: 3600 } });
    await page.goto(`${hpc.berth.url}/sessions/${session.id}`);
    const left = page.locator('#session [data-clock="left"]');
    await left.waitFor();
    expect(await left.innerText()).toMatch(/^(5\d m|1 h)/);

    const jobId = (await hpc.berth.session(session.id)).jobId ?? "";
    const warned = async (text: string): Promise<void> => {
      await eventually(
        async () => {
          const all = Notification.array().parse(await (await hpc.berth.fetch("/api/notifications")).json());
          return all.find((one) => one.session === session.id && one.text.includes(text));
        },
        { timeoutMs: 60_000, what: text },
      );
    };
    for (const minutes of [10, 2]) {
      // The administrator's to change at any time, and to the second; a limit is whole minutes.
      await scontrol("update", `JobId=${jobId}`, `EndTime=now+${minutes * 60 + 2}seconds`);
      await warned(`Tides ends in ${minutes} minutes`);
    }
    await eventually(async () => /^(2 m|1 m)/.test(await left.innerText()), {
      what: "the page to count two minutes",
    });
    await page.goto(`${hpc.berth.url}/notifications`);
    await page
      .getByText("Tides ends in 2 minutes: its walltime is over then. Save your work", { exact: true })
      .waitFor();
    await ended(session);
    await nothingLeft();
  });
});

describe("what the scheduler refuses", () => {
  beforeAll(async () => {
    // Otherwise it takes such jobs and never starts them (slurm.conf(5)).
    for (const host of HOSTS)
      await appendFile(
        join(hpc.cluster.layout.hostDirectory(host), "etc/slurm/slurm.conf"),
        "EnforcePartLimits=ALL\n",
      );
    await scontrol("reconfigure");
    await scontrol("update", "partition=small", "AllowAccounts=physics");
  });

  afterAll(async () => {
    await scontrol("update", "partition=small", "AllowAccounts=ALL");
  });

  it.each([
    ["an unknown partition", { partition: "nonesuch" }, "Invalid partition name specified"],
    [
      "a walltime over the limit",
      { partition: "main", walltime: 1_000_000 },
      "Requested time limit is invalid",
    ],
    ["an account that may not", { partition: "small", account: "alchemy" }, "Invalid account"],
  ])("%s: in its own words, and nothing is left", async (_what, scheduler, words) => {
    for (const resource of ["hopper", "lowe"]) {
      const { id } = await hpc.launch({ resource, scheduler });
      const { error, jobId } = await hpc.berth.until(id, "failed");
      expect({ error, jobId }).toEqual({ error: expect.stringContaining(words), jobId: null });
      await page.goto(`${hpc.berth.url}/sessions/${id}`);
      await page.locator("#session .error", { hasText: words }).waitFor();
      await expect.poll(() => hpc.keys(id), { timeout: 60_000 }).toEqual([]);
    }
    await nothingLeft();
  });

  it("a directive that Slurm cannot read", async () => {
    const { id } = await hpc.launch({ scheduler: { directives: ["--nodes=lots"] } });
    expect((await hpc.berth.until(id, "failed")).error).toContain('"lots" is not a valid node count');
    await nothingLeft();
  });
});

describe("what somebody types", () => {
  it.each([
    ["scheduler.directives.1", { directives: ["--nodes=1", "--comment=a\n#SBATCH --partition=small"] }],
    ["scheduler.account", { account: "physics\nrm -rf ~" }],
    ["scheduler.partition", { partition: "small\r" }],
    ["scheduler.directives.0", { directives: ["--nodes=1\0"] }],
  ])("with a line break in %s is refused by the field's name", async (field, scheduler) => {
    const response = await hpc.berth.fetch("/api/sessions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ service: "echo", placement: "compute", resource: "hopper", scheduler }),
    });
    expect({ status: response.status, problem: await response.json() }).toMatchObject({
      status: 400,
      problem: { code: "invalid_request", field },
    });
  });

  const HOSTILE = [
    "'; touch ~/pwned; '",
    '$(touch ~/pwned) `touch ~/pwned` "; touch ~/pwned; "',
    "#SBATCH --partition=nonesuch",
    "#PBS -q nonesuch",
    "END_OF_TELL",
    "\\",
    "\u00fc\u{1f30a}\t$HOME ${IFS} %j %%",
    "",
  ].join("\n");

  it.each(["hopper", "lowe"])("into an input stays what it is, on %s", async (resource) => {
    const word = HOSTILE.split("\n").slice(0, 2).join(" ");
    const session = await hpc.run({
      service: "keeper",
      resource,
      name: word,
      inputs: { text: HOSTILE, word },
      scheduler: { partition: "small" },
    });
    expect(session.name).toBe(word);
    const home = join(hpc.cluster.layout.home, "ada");
    expect(await readFile(join(home, "kept-text"), "utf8")).toBe(HOSTILE);
    expect(await readFile(join(home, "kept-word"), "utf8")).toBe(word);
    expect((await hpc.cluster.slurm.queue()).map(({ partition }) => partition)).toEqual(["small"]);
    await ended(session);
    await expect(readFile(join(home, "pwned"))).rejects.toThrow("ENOENT");
    await nothingLeft();
  });

  it.each([
    [
      "hopper",
      { directives: ["--mail-user=$(touch${IFS}$HOME/pwned)`touch${IFS}$HOME/pwned`;touch${IFS}~/pwned"] },
    ],
    ["hopper", { directives: ["--mail-user='; touch ~/pwned; '"] }],
    ["lowe", { directives: ["-M $(touch${IFS}$HOME/pwned)"] }],
    ["lowe", { directives: ["-M `touch${IFS}$HOME/pwned`"] }],
    ["lowe", { directives: ["-M ada;touch${IFS}~/pwned"] }],
    ["lowe", { directives: ["-M '; touch ~/pwned; '"] }],
    ["hopper", { partition: 'small" --wrap="touch ~/pwned' }],
    ["lowe", { partition: "small;touch ~/pwned" }],
    ["lowe", { account: "$(touch ~/pwned)" }],
  ])("for the scheduler runs nowhere, on %s: %j", async (resource, scheduler) => {
    const { id } = await hpc.launch({ resource, scheduler });
    const { state } = await hpc.berth.until(id, "running", "failed");
    if (state === "running") await ended(await hpc.berth.session(id));
    await expect(readFile(join(hpc.cluster.layout.home, "ada/pwned"))).rejects.toThrow("ENOENT");
    await nothingLeft();
  });
});

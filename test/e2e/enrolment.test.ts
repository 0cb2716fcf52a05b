import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { EXIT_REFUSED } from "../../agent/exit-code.ts";
import { livePid } from "../../agent/pid-file.ts";
import { BareEdge } from "../support/bare-edge.ts";
import { BerthCommand } from "../support/berth-command.ts";
import { eventually } from "../support/eventually.ts";
import { HandMadeAgent } from "../support/hand-made-agent.ts";
import { RunningCommand } from "../support/running-command.ts";

let edge: BareEdge;
let home: string;

beforeAll(async () => {
  edge = await BareEdge.start();
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
});

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "berth-join-"));
});

afterEach(async () => {
  await rm(home, { recursive: true, force: true });
});

const berth = (...args: string[]): RunningCommand => new RunningCommand(home, args);

/** The token that the agent has. */
const onDisk = async (): Promise<string> =>
  (JSON.parse(await readFile(join(home, "joined.json"), "utf8")) as { token: string }).token;

const codeOf = async (joining: RunningCommand): Promise<string> =>
  (await joining.says(/code {2}(\w{4}-\w{4})/))[1] ?? "";

/** Joins as a person does it, in a terminal and in a browser. */
async function joined(): Promise<void> {
  await using joining = berth("join", edge.url, "--user", "local");
  await edge.approve(await codeOf(joining));
  expect(await joining.exited).toBe(0);
}

const online = (is = true): Promise<unknown> =>
  eventually(async () => (await edge.agent()).online === is, { what: `the agent to be online: ${is}` });

describe("berth join", () => {
  it("makes a machine a workspace, whose agent berth up then is", async () => {
    await using joining = berth("join", edge.url, "--user", "local");
    const code = await codeOf(joining);
    const [fingerprint = ""] = await joining.says(/SHA256:\S{43}/);
    expect(await edge.page(`/join?code=${code}`)).toContain(fingerprint);
    await edge.approve(code);
    expect(await joining.exited).toBe(0);
    for (const file of ["joined.json", "agent-key"])
      expect((await stat(join(home, file))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(home, "joined.json"), "utf8")).toContain(edge.url);
    await using agent = berth("up");
    await agent.says(/the link is up/);
    await online();
    expect(await edge.agents()).toMatchObject([{ fingerprint }]);
    // Neither output shows the secret.
    expect(joining.output + agent.output).not.toContain("berth_agent_");
  });

  it("ends with the reason when it is denied, and keeps nothing", async () => {
    await using joining = berth("join", edge.url, "--user", "local");
    await edge.send("/join", { code: await codeOf(joining), decision: "deny", replaces: "" });
    expect(await joining.exited).toBe(1);
    expect(joining.output).toContain("it was denied in the console");
    await expect(stat(join(home, "joined.json"))).rejects.toThrow("ENOENT");
  });

  it("is given up by Ctrl-C", async () => {
    await using joining = berth("join", edge.url, "--user", "local");
    await codeOf(joining);
    joining.kill("SIGINT");
    expect(await joining.exited).toBe(130);
  });

  it("counts the time down at a terminal, where Ctrl-C gives up, too", async () => {
    await using command = await BerthCommand.open();
    const { code, stdout } = await command.runAtTerminal(
      ["join", edge.url],
      "left; Ctrl-C gives up",
      "\u0003",
    );
    expect(stdout).toMatch(/Waiting for your approval: (10:00|9:5\d) left/);
    expect(code).toBe(130);
  });

  it("asks no edge in the clear, and none that is not Berth's", async () => {
    await using clear = berth("join", "http://berth.example.org");
    expect(await clear.exited).toBe(1);
    expect(clear.output).toContain('Cannot use the edge "http://berth.example.org": use https');
    await using other = berth("join", edge.url.replace("localhost", "127.0.0.1"), "--user", "local");
    expect(await other.exited).toBe(1);
    expect(other.output).toContain("this is not served on this host");
  });
});

describe("an agent that has joined", () => {
  it("says so and does not come back when it is revoked", async () => {
    await joined();
    await using agent = berth("up");
    await online();
    const [{ id } = { id: "" }] = await edge.agents();
    expect((await edge.api("DELETE", `/api/agents/${id}`)).status).toBe(204);
    expect(await agent.exited).toBe(EXIT_REFUSED);
    expect(agent.output).toContain("this agent was revoked");
    await using again = berth("up");
    expect(await again.exited).toBe(EXIT_REFUSED);
    expect(again.output).toContain("Enrol it again with `berth join`");
  });

  it("cannot keep a WebSocket open when it is revoked, not even where it does as it likes", async () => {
    await joined();
    await using thief = await HandMadeAgent.link(edge.url, await onDisk());
    const [browser, service] = await thief.coupled(edge);
    const closed = Promise.all([once(browser, "close"), once(service, "close")]);
    const [{ id } = { id: "" }] = await edge.agents();
    expect((await edge.api("DELETE", `/api/agents/${id}`)).status).toBe(204);
    await closed;
    expect(await edge.agents()).toEqual([]);
  });

  it("is replaced by another that was approved in its place", async () => {
    await joined();
    await using first = berth("up");
    await online();
    const others = await mkdtemp(join(tmpdir(), "berth-join-"));
    try {
      await using joining = new RunningCommand(others, ["join", edge.url, "--user", "local"]);
      await edge.approve(await codeOf(joining));
      expect(await joining.exited).toBe(0);
      expect(await first.exited).toBe(EXIT_REFUSED);
      await using _second = new RunningCommand(others, ["up"]);
      await online();
    } finally {
      await rm(others, { recursive: true, force: true });
    }
  });

  it("leaves: its token counts no more, and is gone here", async () => {
    await joined();
    await using agent = berth("up");
    await online();
    await using leaving = berth("leave");
    expect(await leaving.exited).toBe(0);
    expect(leaving.output).toContain(`Left ${edge.url}`);
    expect(await agent.exited).toBe(EXIT_REFUSED);
    expect(await edge.agents()).toEqual([]);
    await expect(stat(join(home, "joined.json"))).rejects.toThrow("ENOENT");
  });

  it("shows its token to no other edge, and none of this machine's own to it", async () => {
    await joined();
    await using up = new RunningCommand(home, ["up"], { BERTH_EDGE: "https://other.example.org" });
    expect(await up.exited).toBe(1);
    expect(up.output).toContain("this machine is no workspace of https://other.example.org");
  });
});

/** Makes every enrolled agent's token as old as it can be, in the edge's own storage. */
async function ageTokens(state: string): Promise<void> {
  for (const entry of await readdir(state, { recursive: true })) {
    if (!entry.endsWith(".sqlite")) continue;
    using database = new DatabaseSync(join(state, entry));
    const has = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'agents'").get() !== undefined;
    if (has) database.exec("UPDATE agents SET rotated = 0");
  }
}

/** The agent tries an edge again every 15 s at the latest. */
const newToken = (before: string): Promise<unknown> =>
  eventually(async () => (await onDisk()) !== before, { what: "a new token on the disk", timeoutMs: 60_000 });

describe("a token that is a week old", () => {
  it("is replaced while the agent runs, which the next start shows; the old one is a copy from then on", async () => {
    await joined();
    const old = await readFile(join(home, "joined.json"), "utf8");
    const first = await onDisk();
    {
      await using agent = berth("up");
      await online();
      await edge.restart(ageTokens);
      await newToken(first);
      await eventually(async () => ((await edge.agents())[0]?.rotated ?? 0) > 0, {
        what: "the edge to know",
      });
      expect(agent.output).not.toContain("berth_agent_");
    }
    {
      await using again = berth("up");
      await again.says(/the link is up/);
    }
    await writeFile(join(home, "joined.json"), old);
    await using copy = berth("up");
    expect(await copy.exited).toBe(EXIT_REFUSED);
    expect(await edge.agents()).toEqual([]);
  });

  it("is replaced though the agent is killed as soon as the new one is written", async () => {
    await joined();
    const first = await onDisk();
    {
      await using agent = berth("up");
      await online();
      await edge.restart(ageTokens);
      await newToken(first);
      agent.kill("SIGKILL");
      await agent.exited;
    }
    await using last = berth("up");
    await last.says(/the link is up/);
    expect(await onDisk()).not.toBe(first);
    expect(await edge.agents()).toHaveLength(1);
  });
});

describe("berth up --detach", () => {
  it("runs the agent in the background until berth down", async () => {
    await joined();
    await using up = berth("up", "--detach");
    expect(await up.exited).toBe(0);
    const pid = await livePid(home, "agent");
    expect(up.output).toContain(`as process ${pid}, and is connected to ${edge.url}`);
    await online();
    await using second = berth("up", "-d");
    expect(await second.exited).toBe(1);
    expect(second.output).toContain(`already runs for ${home} as process ${pid}`);
    await using down = berth("down");
    expect(await down.exited).toBe(0);
    expect(await livePid(home, "agent")).toBeUndefined();
    await online(false);
    expect((await stat(join(home, "run/agent.log"))).mode & 0o777).toBe(0o600);
    await using nothing = berth("down");
    expect(await nothing.exited).toBe(0);
    expect(nothing.output).toBe("No agent runs.\n");
  });

  it("says why when the agent ends at once", async () => {
    await joined();
    const [{ id } = { id: "" }] = await edge.agents();
    await edge.api("DELETE", `/api/agents/${id}`);
    await using up = berth("up", "--detach");
    expect(await up.exited).toBe(EXIT_REFUSED);
    expect(up.output).toContain("this agent was revoked");
  });
});

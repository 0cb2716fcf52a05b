import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BareEdge } from "../support/bare-edge.ts";
import { RunningCommand } from "../support/running-command.ts";
import { TerminalCommand } from "../support/terminal-command.ts";

let edge: BareEdge;
let home: string;

beforeAll(async () => {
  edge = await BareEdge.start();
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
});

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "berth-approver-"));
});

afterEach(async () => {
  await rm(home, { recursive: true, force: true });
});

const QUESTION = /Is that you\? \(yes\/no\)/;

const codeOf = async (joining: TerminalCommand): Promise<string> =>
  (await joining.says(/code {2}(\w{4}-\w{4})/))[1] ?? "";

const keptNothing = async (): Promise<void> => {
  expect(await edge.agents()).toEqual([]);
  await expect(stat(join(home, "joined.json"))).rejects.toThrow("ENOENT");
};

describe("berth join, once somebody has approved", () => {
  it("says at the terminal who it was, and keeps nothing before a yes", async () => {
    await using joining = new TerminalCommand(home, ["join", edge.url]);
    await edge.approve(await codeOf(joining));
    await joining.says(QUESTION);
    expect(joining.output).toContain(`Approved by local (You) at ${edge.url}.`);
    await expect(stat(join(home, "joined.json"))).rejects.toThrow("ENOENT");
    joining.type("\r");
    await joining.says(/\(yes\/no\)[^]*\(yes\/no\)/);
    joining.type("yes\r");
    await joining.says(/Joined \S+ as a workspace of You/);
    expect(await joining.exited).toBe(0);
    await using agent = new RunningCommand(home, ["up"]);
    await agent.says(/the link is up/);
  });

  it.each([
    ["a no", "no\r"],
    ["Ctrl-C", "\u0003"],
  ])("revokes what it was given at %s", async (_how, typed) => {
    await using joining = new TerminalCommand(home, ["join", edge.url]);
    await edge.approve(await codeOf(joining));
    await joining.says(QUESTION);
    joining.type(typed);
    await joining.says(/you have not confirmed local \(You\). It is revoked there, and nothing is kept here/);
    expect(await joining.exited).toBe(1);
    await keptNothing();
  });

  it("takes nobody but whom --user names, and asks nobody", async () => {
    await using joining = new TerminalCommand(home, ["join", edge.url, "--user", "ana@example.org"]);
    await edge.approve(await codeOf(joining));
    await joining.says(/local \(You\) approved it, not ana@example\.org/);
    expect(await joining.exited).toBe(1);
    expect(joining.output).not.toMatch(QUESTION);
    await keptNothing();
  });

  it("must know without a terminal who is to approve, before it shows a code", async () => {
    await using joining = new RunningCommand(home, ["join", edge.url]);
    expect(await joining.exited).toBe(1);
    expect(joining.output).toContain("say by --user who is to");
    expect(joining.output).not.toContain("code");
  });
});

import { spawn } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { ProcessId } from "../../agent/process-tree.ts";
import {
  endTree,
  findTree,
  identify,
  isAlive,
  SESSION_VARIABLE,
  signalAll,
} from "../../agent/process-tree.ts";
import type { SessionId } from "../../contract/ids.ts";
import { sessionId } from "../../contract/ids.ts";
import { childrenOf } from "../support/children.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/session-directory.ts";

const newId = (): SessionId => sessionId((bytes) => randomFillSync(bytes));

/** Runs a script as a session's process is run: detached, with the session's id in its environment. */
function start(id: SessionId, script: string): ProcessId {
  const child = spawn("bash", ["-c", script], {
    detached: true,
    stdio: "ignore",
    env: { ...process.env, [SESSION_VARIABLE]: id },
  });
  onTestFinished(async () => {
    expect(await endTree(id, leader, { graceMs: 0 })).toEqual([]);
  });
  const leader = identify(child.pid ?? 0);
  if (leader === undefined) throw new Error("bash did not start");
  return leader;
}

const treeOf = (count: number, id: SessionId, leader?: ProcessId): Promise<ProcessId[]> =>
  eventually(
    async () => {
      const found = await findTree(id, leader);
      return found.length === count && found;
    },
    { what: `${count} processes` },
  );

const endOf = (leader: ProcessId): Promise<true> =>
  eventually(() => !isAlive(leader), { what: "the leader's end" });

describe("a session's processes", () => {
  it("are the leader, its children and grandchildren", async () => {
    const id = newId();
    const leader = start(id, "bash -c 'sleep 300 & wait' & wait");
    expect(await treeOf(3, id, leader)).toContainEqual(leader);
  });

  it("include one that left by setsid and a double fork", async () => {
    const id = newId();
    await endOf(start(id, "(setsid bash -c 'sleep 300 & wait' &) ; exit 0"));
    const escaped = await treeOf(2, id);
    expect(await endTree(id, undefined, { graceMs: 2000 })).toEqual([]);
    // Its environment, by which it is found, goes a moment before it does.
    await eventually(() => !escaped.some(isAlive), { what: "their end" });
  });

  it("include one that cleared its environment within the leader's session", async () => {
    const id = newId();
    const leader = start(id, "env -i sleep 300 & exit 0");
    await endOf(leader);
    // Until it has executed its program it has the leader's environment.
    await treeOf(0, id);
    expect(await findTree(id, leader)).toHaveLength(1);
  });

  it("include a child that both left the leader's session and cleared its environment", async () => {
    const id = newId();
    const leader = start(id, "env -i setsid sleep 300; true");
    const [child] = await eventually(async () => {
      const all = await childrenOf(leader.pid);
      return all[0]?.name === "sleep" && all;
    });
    const found = await findTree(id, leader);
    expect(found.map(({ pid }) => pid)).toEqual([leader.pid, child?.pid]);
  });

  it("include one that is given another program as they are looked for", async () => {
    const id = newId();
    const again = join(await temporaryDirectory(), "again");
    await writeFile(again, '#!/bin/sh\nexec "$0"\n', { mode: 0o700 });
    const leader = start(id, `exec '${again}'`);
    for (let look = 0; look < 50; look++) expect(await findTree(id)).toEqual([leader]);
  });

  it("exclude those of another session that was started from within", async () => {
    const [outer, inner] = [newId(), newId()];
    const leader = start(
      outer,
      `export ${SESSION_VARIABLE}=${inner}; sleep 300 & unset ${SESSION_VARIABLE}; wait`,
    );
    const [sleeper] = await treeOf(1, inner);
    expect(await findTree(outer, leader)).not.toContainEqual(sleeper);
    await endTree(inner, undefined, { graceMs: 2000 });
  });

  it("exclude a stranger that has the leader's pid by now", async () => {
    const leader = start(newId(), "sleep 300 & wait");
    const impostor = { pid: leader.pid, startTime: leader.startTime - 1 };
    expect(isAlive(impostor)).toBe(false);
    expect(await findTree(newId(), impostor)).toEqual([]);
    signalAll([impostor], "SIGKILL");
    expect(isAlive(leader)).toBe(true);
  });

  it("are none when there are none", async () => {
    expect(await findTree(newId())).toEqual([]);
    expect(await endTree(newId(), undefined, { graceMs: 0 })).toEqual([]);
  });
});

describe("ending a session's processes", () => {
  it("lets a service that obeys TERM finish what it does", async () => {
    const id = newId();
    const leader = start(id, "trap 'exec sleep 0.2' TERM; sleep 300 & wait");
    await treeOf(2, id, leader);
    expect(await endTree(id, leader, { graceMs: 5000 })).toEqual([]);
  });

  it("kills one that ignores TERM", async () => {
    const id = newId();
    const leader = start(id, "trap '' TERM; while :; do sleep 300; done");
    await treeOf(2, id, leader);
    expect(await endTree(id, leader, { graceMs: 100 })).toEqual([]);
  });

  it("ends one that is stopped", async () => {
    const id = newId();
    const leader = start(id, "kill -STOP $$");
    await eventually(async () => / T /.test(await readFile(`/proc/${leader.pid}/stat`, "latin1")));
    expect(await endTree(id, leader, { graceMs: 5000 })).toEqual([]);
  });

  it("keeps up with processes that beget processes", async () => {
    const id = newId();
    const breed = "trap '' TERM; for n in 1 2 3; do (while :; do (sleep 3 &); sleep 0.1; done) & done; wait";
    const leader = start(id, breed);
    await eventually(async () => (await findTree(id, leader)).length > 8);
    expect(await endTree(id, leader, { graceMs: 50 })).toEqual([]);
  });

  it("stops at once when it is told to, and leaves the processes alone", async () => {
    const id = newId();
    const leader = start(id, "trap '' TERM; while :; do sleep 300; done");
    await treeOf(2, id, leader);
    const controller = new AbortController();
    const ending = endTree(id, leader, { graceMs: 60_000, signal: controller.signal });
    controller.abort();
    await expect(ending).rejects.toThrow("aborted");
    expect(isAlive(leader)).toBe(true);
  });
});

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { appendFile, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { endTree } from "../../../agent/process-tree.ts";
import type { SessionId } from "../../../contract/ids.ts";
import { eventually } from "../../support/eventually.ts";
import { processesOf } from "../../support/processes.ts";
import { ECHO, Workspace } from "../../support/workspace.ts";

const SLOW = `echo started >>starts; until [ -e go ]; do sleep 0.05; done; ${ECHO}`;
const COUNTED = `echo started >>starts; ${ECHO}`;

type Stored = Record<string, unknown> & { launch: Record<string, unknown> };

/** Changes a session's record while no agent is there. */
async function rewrite(
  workspace: Workspace,
  id: SessionId,
  change: (record: Stored) => object,
): Promise<void> {
  const path = workspace.path(id, "record.json");
  await writeFile(path, JSON.stringify(change(JSON.parse(await readFile(path, "utf8")) as Stored)));
}

/** Leaves a running session as an agent does that dies after it has prepared everything and before it has spawned. */
async function asPrepared(workspace: Workspace, service = "echo"): Promise<SessionId> {
  const { id } = await workspace.run(service);
  await workspace.down();
  expect(await endTree(id, undefined, { graceMs: 1000 })).toEqual([]);
  for (const file of ["pid", "exit", "reports", "starts"])
    await rm(workspace.path(id, file), { force: true });
  const file = JSON.parse(await workspace.read(id, "service.json")) as object;
  await writeFile(workspace.path(id, "service.json"), JSON.stringify({ ...file, JOB_STATUS: "Starting" }));
  await rewrite(workspace, id, ({ launch, ...record }) => {
    delete launch["readyAt"];
    return { ...record, launch: { ...launch, reportsRead: 0 } };
  });
  return id;
}

describe("a new agent", { timeout: 30_000 }, () => {
  it("finds a running session again", async () => {
    const workspace = await Workspace.open({ echo: COUNTED });
    const { id, spec, port } = await workspace.run("echo");
    const before = workspace.report(id);
    await workspace.down();
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
    await workspace.up();
    expect(await workspace.until(id, "running")).toEqual(before);
    workspace.want(spec);
    workspace.want(spec, "cancel");
    await workspace.until(id, "canceled");
    expect(await workspace.read(id, "starts")).toBe("started\n");
    expect(await processesOf(id)).toEqual([]);
  });

  it("goes on waiting for one that starts, with its port held again", async () => {
    const workspace = await Workspace.open({ slow: SLOW });
    const spec = workspace.spec("slow");
    workspace.want(spec);
    const { port } = await workspace.until(spec.id, "starting");
    await eventually(async () => (await workspace.read(spec.id, "starts")) !== "", { what: "the start" });
    await workspace.down();
    await workspace.up();
    const plain = `import socket, sys; socket.socket().bind(("127.0.0.1", int(sys.argv[1])))`;
    await eventually(() => spawnSync("python3", ["-c", plain, String(port)]).status !== 0, {
      what: "the hold",
    });
    await writeFile(workspace.path(spec.id, "go"), "");
    expect(await workspace.until(spec.id, "running")).toMatchObject({ port });
    expect(await workspace.read(spec.id, "starts")).toBe("started\n");
  });

  it("notices what has ended meanwhile, as what it ended", async () => {
    const workspace = await Workspace.open({
      brief: `${ECHO} & until [ -s go ]; do sleep 0.05; done; exit $(<go)`,
    });
    const [well, badly] = [await workspace.run("brief"), await workspace.run("brief")];
    await workspace.down();
    await writeFile(workspace.path(well.id, "go"), "0");
    await writeFile(workspace.path(badly.id, "go"), "9");
    for (const { id } of [well, badly])
      await eventually(async () => (await workspace.read(id, "exit")) !== "", { what: "the exit code" });
    await workspace.up();
    await workspace.until(well.id, "completed");
    expect((await workspace.until(badly.id, "failed")).error).toBe("The service exited with code 9");
  });

  it("says so when one has ended and nobody knows how", async () => {
    const workspace = await Workspace.open({ echo: ECHO });
    const { id } = await workspace.run("echo");
    await workspace.down();
    // All at once: the script would write down how its service ended.
    process.kill(-Number.parseInt(await workspace.read(id, "pid"), 10), "SIGKILL");
    await eventually(async () => (await processesOf(id)).length === 0, { what: "the end" });
    await workspace.up();
    expect((await workspace.until(id, "failed")).error).toBe(
      "The service ended without an exit code: it was killed, or the host restarted",
    );
  });

  it("believes no pid of another boot", async () => {
    const workspace = await Workspace.open({ echo: COUNTED });
    const { id } = await workspace.run("echo");
    await workspace.down();
    await rewrite(workspace, id, (record) => ({ ...record, launch: { ...record.launch, boot: "another" } }));
    await workspace.up();
    expect((await workspace.until(id, "failed")).error).toContain("the host restarted");
    expect(await workspace.read(id, "starts")).toBe("started\n");
  });

  it("starts what had been prepared and not spawned", async () => {
    const workspace = await Workspace.open({ echo: COUNTED });
    const id = await asPrepared(workspace);
    await workspace.up();
    await workspace.until(id, "running");
    expect(await workspace.read(id, "starts")).toBe("started\n");
  });

  it("waits for what had been spawned and not got to its lock, instead of starting it twice", async () => {
    const workspace = await Workspace.open({ echo: COUNTED });
    const id = await asPrepared(workspace);
    const onItsWay = spawn("bash", ["-c", `read; exec bash session.sh`], {
      cwd: workspace.path(id, "."),
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
      env: { ...process.env, BERTH_SESSION_ID: id },
    });
    await once(onItsWay, "spawn");
    await workspace.up();
    await eventually(() => workspace.report(id).state === "starting", { what: "the agent to look" });
    onItsWay.stdin.end("\n");
    await workspace.until(id, "running");
    expect(await workspace.read(id, "starts")).toBe("started\n");
    expect(await workspace.read(id, "pid")).toMatch(new RegExp(`^${onItsWay.pid} `));
  });

  it("starts nothing for a session whose cancel was wanted before the spawn", async () => {
    const workspace = await Workspace.open({
      echo: { "start_template.sh": COUNTED, "kill_template.sh": "echo killed >>kills" },
    });
    const id = await asPrepared(workspace);
    await rewrite(workspace, id, (record) => ({ ...record, want: "cancel" }));
    await workspace.up();
    await workspace.until(id, "canceled");
    expect(await workspace.read(id, "starts")).toBe("");
    expect(await workspace.read(id, "kills")).toBe("");
  });

  it("goes on with a cancel where the last one stopped", async () => {
    const workspace = await Workspace.open({
      stubborn: {
        "start_template.sh": `trap '' TERM; ${ECHO} & until false; do sleep 1; done`,
        "kill_template.sh": "echo killed >>kills",
      },
    });
    const { id, spec } = await workspace.run("stubborn");
    workspace.want(spec, "cancel");
    await eventually(async () => (await workspace.read(id, "kills")) !== "", { what: "the kill script" });
    await workspace.down();
    expect(await processesOf(id)).not.toEqual([]);
    expect(JSON.parse(await workspace.read(id, "record.json"))).toMatchObject({
      want: "cancel",
      phase: "ending",
    });
    await workspace.up();
    await workspace.until(id, "canceled");
    expect(await processesOf(id)).toEqual([]);
    expect(await workspace.read(id, "kills")).toBe("killed\nkilled\n");
  });

  it("takes an edit that was made while none was there", async () => {
    const workspace = await Workspace.open({ echo: ECHO });
    const { id } = await workspace.run("echo");
    await workspace.down();
    const file = JSON.parse(await workspace.read(id, "service.json")) as object;
    await writeFile(workspace.path(id, "service.json"), JSON.stringify({ ...file, SLUG: "edited" }));
    await workspace.up();
    expect((await workspace.until(id, "running")).slug).toBe("edited");
  });

  it("does not tell notifications twice", async () => {
    const workspace = await Workspace.open({ echo: `$sshusercontainer notify "hello"; ${ECHO}` });
    const { id } = await workspace.run("echo");
    await eventually(() => workspace.notices.length === 1, { what: "the notification" });
    await workspace.down();
    await workspace.up();
    await appendFile(workspace.path(id, "reports"), "notify\0again\0");
    await eventually(() => workspace.notices.at(-1)?.text === "again", { what: "the next" });
    expect(workspace.notices.map(({ text }) => text)).toEqual(["hello", "again"]);
  });

  it("remembers ended sessions with their logs", async () => {
    const workspace = await Workspace.open({ brief: "echo goodbye; exit 4" });
    const spec = workspace.spec("brief");
    workspace.want(spec);
    const report = await workspace.until(spec.id, "failed");
    await workspace.down();
    await workspace.up();
    expect(workspace.report(spec.id)).toEqual(report);
    expect(await readFile(workspace.sessions.log(spec.id)?.path ?? "", "utf8")).toBe("goodbye\n");
    workspace.want(spec);
    expect(workspace.report(spec.id)).toEqual(report);
  });

  it("takes back no end that was told while what is left of it was still being ended", async () => {
    const workspace = await Workspace.open({
      brief: `bash -c 'trap "" TERM; : >deaf; until false; do sleep 1; done' &
        until [ -e deaf ]; do sleep 0.05; done
        exit 4`,
    });
    const spec = workspace.spec("brief");
    workspace.want(spec);
    const report = await workspace.until(spec.id, "failed");
    await workspace.down();
    expect(JSON.parse(await workspace.read(spec.id, "record.json"))).toMatchObject({ phase: "ending" });
    await workspace.up();
    expect(workspace.report(spec.id)).toEqual(report);
  });

  it("passes over a broken record, and keeps the others", async () => {
    const workspace = await Workspace.open({ echo: COUNTED });
    const [one, other] = [await workspace.run("echo"), await workspace.run("echo")];
    await workspace.down();
    const record = await workspace.read(one.id, "record.json");
    await writeFile(workspace.path(one.id, "record.json"), record.slice(0, 40));
    await workspace.up();
    await workspace.until(other.id, "running");
    expect(workspace.sessions.get(one.id)).toBeUndefined();
    // Wanted again, it is found by its lock and not started a second time.
    workspace.want(one.spec);
    expect(await workspace.until(one.id, "running")).toMatchObject({ port: one.port });
    expect(await workspace.read(one.id, "starts")).toBe("started\n");
  });

  it("forgets ended sessions that are old", async () => {
    const workspace = await Workspace.open({ brief: "exit 4" });
    const [old, recent] = [workspace.spec("brief"), workspace.spec("brief")];
    for (const spec of [old, recent]) {
      workspace.want(spec);
      await workspace.until(spec.id, "failed");
      const isEnded = async () => (await workspace.read(spec.id, "record.json")).includes('"phase":"ended"');
      await eventually(isEnded, { what: "the end to be written down" });
    }
    await workspace.down();
    const month = 31 * 24 * 60 * 60 * 1000;
    await rewrite(workspace, old.id, (record) => {
      const report = record["report"] as { endedAt: number };
      return { ...record, report: { ...report, endedAt: report.endedAt - month } };
    });
    await utimes(workspace.path(old.id, "."), 0, 0);
    await workspace.up();
    expect(workspace.sessions.get(old.id)).toBeUndefined();
    expect(await workspace.read(old.id, "record.json")).toBe("");
    expect(workspace.sessions.get(recent.id)).toBeDefined();
  });
});

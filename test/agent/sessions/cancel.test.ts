import { readdir } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { eventually, eventuallyWritten } from "../../support/eventually.ts";
import { processesOf } from "../../support/processes.ts";
import { ECHO, Workspace } from "../../support/workspace.ts";

describe("a cancel", { timeout: 30_000 }, () => {
  it("ends every process, also what has left the group or ignores TERM", async () => {
    const workspace = await Workspace.open({
      echo: `setsid bash -c 'trap "" TERM; while :; do sleep 300; done' & (setsid sleep 300 &); ${ECHO}`,
    });
    const { id, spec } = await workspace.run("echo");
    await eventually(async () => (await processesOf(id)).length > 4, { what: "all of them" });
    workspace.want(spec, "cancel");
    const report = await workspace.until(id, "canceled");
    expect(report).toMatchObject({ status: "Canceled", error: "" });
    expect(await processesOf(id)).toEqual([]);
    expect(JSON.parse(await workspace.read(id, "service.json"))).toMatchObject({ JOB_STATUS: "Canceled" });
  });

  it("runs the service's kill script and the session's cancel.sh, before anything is ended", async () => {
    const workspace = await Workspace.open({
      echo: {
        "start_template.sh": `echo 'kill -0 $(<server) && echo cancel.sh $service_word' >cancel.sh; ${ECHO} & echo $! >server; wait`,
        "kill-template.sh":
          'kill -0 $(<server) && echo "kill_template $service_word $service_port $job_number"',
      },
    });
    const { id, spec, port } = await workspace.run("echo", { word: "it's" });
    await eventuallyWritten(() => workspace.read(id, "server"));
    workspace.want(spec, "cancel");
    await workspace.until(id, "canceled");
    const log = await workspace.read(id, "log");
    expect(log).toContain(`kill_template it's ${port} ${id}\ncancel.sh it's\n`);
  });

  it("goes on when a kill script fails", async () => {
    const workspace = await Workspace.open({
      echo: { "start_template.sh": ECHO, "kill_template.sh": "no-such-program; exit 7" },
    });
    const { id, spec } = await workspace.run("echo");
    workspace.want(spec, "cancel");
    await workspace.until(id, "canceled");
    expect(await processesOf(id)).toEqual([]);
  });

  it("before the start starts nothing", async () => {
    const workspace = await Workspace.open({
      echo: { "start_template.sh": `echo started; ${ECHO}`, "kill_template.sh": "echo killed" },
    });
    const never = workspace.spec("echo");
    workspace.want(never, "cancel");
    await workspace.until(never.id, "canceled");
    expect(await workspace.read(never.id, "log")).toBe("");
    expect(await workspace.read(never.id, "session.sh")).toBe("");
    // What was wanted in the same breath is never spawned either.
    const brief = workspace.spec("echo");
    workspace.want(brief);
    workspace.want(brief, "cancel");
    await workspace.until(brief.id, "canceled");
    expect(await workspace.read(brief.id, "log")).toBe("");
  });

  it("while it starts leaves nothing, whenever it comes", async () => {
    const workspace = await Workspace.open({ echo: ECHO });
    const specs = Array.from({ length: 12 }, () => workspace.spec("echo"));
    await Promise.all(
      specs.map(async (spec, index) => {
        workspace.want(spec);
        // Each a few turns of the event loop later than the one before.
        for (let turn = 0; turn < index * 25; turn++) await readdir(workspace.home);
        workspace.want(spec, "cancel");
        await workspace.until(spec.id, "canceled");
        expect(await processesOf(spec.id)).toEqual([]);
      }),
    );
  });

  it("is repeatable, and told again of what has ended", async () => {
    const workspace = await Workspace.open({
      echo: { "start_template.sh": ECHO, "kill_template.sh": "echo once" },
    });
    const { id, spec } = await workspace.run("echo");
    for (let count = 0; count < 5; count++) workspace.want(spec, "cancel");
    const report = await workspace.until(id, "canceled");
    expect((await workspace.read(id, "log")).match(/once/g)).toHaveLength(1);
    workspace.want(spec, "cancel");
    workspace.want(spec);
    expect(workspace.reports.slice(-2)).toEqual([report, report]);
    expect(await processesOf(id)).toEqual([]);
  });

  it("does not touch other sessions", async () => {
    const workspace = await Workspace.open({ echo: ECHO });
    const [one, other] = [await workspace.run("echo"), await workspace.run("echo")];
    workspace.want(one.spec, "cancel");
    await workspace.until(one.id, "canceled");
    expect((await fetch(`http://127.0.0.1:${other.port}/`)).status).toBe(200);
    expect(workspace.report(other.id).state).toBe("running");
  });

  it("after the end leaves it what it was", async () => {
    const workspace = await Workspace.open({ brief: "exit 4" });
    const spec = workspace.spec("brief");
    workspace.want(spec);
    await workspace.until(spec.id, "failed");
    workspace.want(spec, "cancel");
    await eventually(() => workspace.reports.filter(({ state }) => state === "failed").length > 1);
    expect(workspace.report(spec.id).state).toBe("failed");
  });
});

import { readFile, stat, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { SessionId } from "../../../contract/ids.ts";
import { eventually, eventuallyWritten } from "../../support/eventually.ts";
import { processesOf } from "../../support/processes.ts";
import { ECHO, Workspace } from "../../support/workspace.ts";

/** Changes keys of a session's service.json as a person with an editor does. */
async function edit(workspace: Workspace, id: SessionId, changes: object): Promise<void> {
  const path = workspace.path(id, "service.json");
  const now = JSON.parse(await readFile(path, "utf8")) as object;
  await writeFile(path, JSON.stringify({ ...now, ...changes }));
}

describe("a session", { timeout: 30_000 }, () => {
  it("starts, is ready, and is where its report says", async () => {
    const workspace = await Workspace.open({
      echo: { "start_template.sh": ECHO, "service.yaml": "slug: tree?x=1\n" },
    });
    const { id, port } = await workspace.run("echo");
    expect(workspace.sessions.target(id)).toEqual({ port, tls: false, stripPrefix: true });
    expect(await (await fetch(`http://127.0.0.1:${port}/hello`)).text()).toBe("/hello");
    expect(JSON.parse(await workspace.read(id, "service.json"))).toMatchObject({
      URL: "/me",
      PORT: String(port),
      SLUG: "tree?x=1",
      JOB_STATUS: "Running",
    });
    expect(workspace.reports.map(({ state, status }) => `${state}: ${status}`)).toEqual([
      "starting: Starting",
      "running: Running",
    ]);
  });

  it("is asked where a browser will ask: with the prefix, where the service keeps it", async () => {
    const start = `"$berth_node" -e '
      require("node:http").createServer((request, response) => {
        console.log(request.url);
        response.end();
      }).listen(Number(process.argv[1]))' "$service_port"`;
    const workspace = await Workspace.open({
      kept: { "start_template.sh": start, "service.yaml": "stripPrefix: false\nslug: lab?a=b c\n" },
      other: { "start_template.sh": start, "service.yaml": "readiness: { path: /healthz }\nslug: lab\n" },
    });
    const kept = await workspace.run("kept");
    expect(await workspace.read(kept.id, "log")).toBe(`/me/${kept.port}/lab?a=b%20c\n`);
    const other = await workspace.run("other");
    expect(await workspace.read(other.id, "log")).toBe("/healthz\n");
  });

  it("is for nobody else's eyes", async () => {
    const workspace = await Workspace.open({ echo: ECHO });
    const { id } = await workspace.run("echo");
    const modes = await Promise.all(
      [".", "session.sh", "kill.sh", "log", "record.json", "service.json"].map(
        async (file) => (await stat(workspace.path(id, file))).mode & 0o777,
      ),
    );
    expect(modes).toEqual([0o700, 0o600, 0o600, 0o600, 0o600, 0o600]);
  });

  it("shows what its script says, and passes on its notifications", async () => {
    const start = `$sshusercontainer status "Installing a"; $sshusercontainer notify "almost"; $sshusercontainer notify
      until [ -e go ]; do sleep 0.05; done
      ${ECHO}`;
    const workspace = await Workspace.open({ talker: start });
    const spec = workspace.spec("talker");
    workspace.want(spec);
    await eventually(() => workspace.report(spec.id).status === "Installing a", { what: "the status" });
    expect(workspace.report(spec.id).state).toBe("starting");
    await eventually(() => workspace.notices.length === 2, { what: "both notifications" });
    expect(workspace.notices).toEqual([
      { session: spec.id, level: "info", text: "almost" },
      { session: spec.id, level: "info", text: "my talker is ready" },
    ]);
    await writeFile(workspace.path(spec.id, "go"), "");
    expect((await workspace.until(spec.id, "running")).status).toBe("Running");
  });

  it("ends as completed when its service ends by itself with 0", async () => {
    const workspace = await Workspace.open({
      echo: `${ECHO} & until [ -e go ]; do sleep 0.05; done; kill $!; exit 0`,
    });
    const { id, port } = await workspace.run("echo");
    await writeFile(workspace.path(id, "go"), "");
    const report = await workspace.until(id, "completed");
    expect(report).toMatchObject({ status: "Completed", error: "", port });
    expect(report.endedAt).toBeGreaterThanOrEqual(report.startedAt ?? Number.NaN);
    expect(workspace.sessions.target(id)).toBeUndefined();
    expect(JSON.parse(await workspace.read(id, "service.json"))).toMatchObject({ JOB_STATUS: "Completed" });
  });

  it("leaves nothing behind when its service ends by itself", async () => {
    const stopped = "until [ -e go ]; do sleep 0.05; done; kill $!";
    const workspace = await Workspace.open({ echo: `setsid sleep 300 & ${ECHO} & ${stopped}` });
    const { id } = await workspace.run("echo");
    await writeFile(workspace.path(id, "go"), "");
    await workspace.until(id, "completed");
    await eventually(async () => (await processesOf(id)).length === 0, { what: "the last process's end" });
  });

  it("is started once, however often it is wanted", async () => {
    const workspace = await Workspace.open({ echo: `echo started >>starts; ${ECHO}` });
    const spec = workspace.spec("echo");
    for (let count = 0; count < 10; count++) workspace.want(spec);
    await workspace.until(spec.id, "running");
    workspace.want(spec);
    expect(await workspace.read(spec.id, "starts")).toBe("started\n");
    expect(workspace.sessions.all()).toHaveLength(1);
  });

  it("has a port of its own, also while nothing listens yet", async () => {
    const workspace = await Workspace.open({ slow: `until [ -e go ]; do sleep 0.05; done; ${ECHO}` });
    const specs = Array.from({ length: 20 }, () => workspace.spec("slow"));
    for (const spec of specs) workspace.want(spec);
    const ports = await Promise.all(
      specs.map(({ id }) => eventually(() => workspace.report(id).port, { what: "a port" })),
    );
    expect(new Set(ports).size).toBe(20);
  });
});

describe("an edit of service.json", { timeout: 30_000 }, () => {
  it("of port, slug and prefix changes the report", async () => {
    const workspace = await Workspace.open({ echo: ECHO });
    const { id } = await workspace.run("echo");
    await edit(workspace, id, { URL: "/sme", PORT: 54_321, SLUG: "lab", STRIP_PREFIX: false });
    await eventually(() => workspace.report(id).port === 54_321, { what: "the new port" });
    expect(workspace.report(id)).toMatchObject({ state: "running", scheme: "sme", slug: "lab" });
    expect(workspace.sessions.target(id)).toEqual({ port: 54_321, tls: true, stripPrefix: false });
  });

  it("of the status is taken as it stands, and back", async () => {
    const workspace = await Workspace.open({ echo: ECHO });
    const { id } = await workspace.run("echo");
    await edit(workspace, id, { JOB_STATUS: "Reloading" });
    await eventually(() => workspace.report(id).state === "starting", { what: "the pending state" });
    expect(workspace.report(id).status).toBe("Reloading");
    expect(workspace.sessions.target(id)).toBeUndefined();
    await edit(workspace, id, { JOB_STATUS: " r " });
    expect((await workspace.until(id, "running")).status).toBe("r");
  });

  it("to running before anything listens counts as ready", async () => {
    const workspace = await Workspace.open({ idle: "until [ -e go ]; do sleep 0.05; done" });
    const spec = workspace.spec("idle");
    workspace.want(spec);
    await workspace.until(spec.id, "starting");
    await edit(workspace, spec.id, { JOB_STATUS: "Running" });
    await workspace.until(spec.id, "running");
    await writeFile(workspace.path(spec.id, "go"), "");
    await workspace.until(spec.id, "completed");
  });

  it.each([
    ["Failed", "failed", "licence lost"],
    ["cancelled", "canceled", ""],
    ["Completed", "completed", ""],
  ] as const)("to %s ends the session, and stays as it was written", async (status, state, error) => {
    const workspace = await Workspace.open({
      echo: { "start_template.sh": ECHO, "kill_template.sh": "echo killed >>kills\n" },
    });
    const { id } = await workspace.run("echo");
    await edit(workspace, id, { JOB_STATUS: status, ERROR_MESSAGE: "licence lost" });
    expect(await workspace.until(id, state)).toMatchObject({ status, error });
    await eventually(async () => (await processesOf(id)).length === 0, { what: "the processes' end" });
    expect(await workspace.read(id, "kills")).toBe("killed\n");
    expect(JSON.parse(await workspace.read(id, "service.json"))).toMatchObject({
      JOB_STATUS: status,
      ERROR_MESSAGE: error,
    });
  });

  it("that breaks it keeps the last good state, and the log says so", async () => {
    const workspace = await Workspace.open({ echo: ECHO });
    const { id, port } = await workspace.run("echo");
    await writeFile(workspace.path(id, "service.json"), '{"URL": ');
    await eventually(async () => /^berth: service\.json .*not JSON/m.test(await workspace.read(id, "log")), {
      what: "the log's line",
    });
    expect(workspace.report(id)).toMatchObject({ state: "running", port });
  });

  it("to a port of Berth's own is not followed", async () => {
    const workspace = await Workspace.open({ echo: ECHO });
    await workspace.down();
    await workspace.up({ refusedPorts: [54_322] });
    const { id, port } = await workspace.run("echo");
    await edit(workspace, id, { PORT: "54322", SLUG: "x" });
    await eventually(() => workspace.report(id).slug === "x", { what: "the new slug" });
    expect(workspace.report(id).port).toBe(port);
    const log = await eventuallyWritten(() => workspace.read(id, "log"));
    expect(log).toContain("berth: service.json names the port 54322");
  });
});

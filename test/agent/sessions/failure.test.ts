import { describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { processesOf } from "../../support/processes.ts";
import { ECHO, Workspace } from "../../support/workspace.ts";

/** Launches a service that cannot succeed, and tells why it failed. */
async function failureOf(start: string, yaml = ""): Promise<{ error: string; workspace: Workspace }> {
  const workspace = await Workspace.open({
    service: { "start_template.sh": start, "service.yaml": yaml },
  });
  const spec = workspace.spec("service");
  workspace.want(spec);
  const { error, status } = await workspace.until(spec.id, "failed");
  expect(status).toBe("Failed");
  await eventually(async () => (await processesOf(spec.id)).length === 0, { what: "the processes' end" });
  expect(JSON.parse(await workspace.read(spec.id, "service.json"))).toMatchObject({
    JOB_STATUS: "Failed",
    ERROR_MESSAGE: error,
  });
  return { error, workspace };
}

describe("a session fails", { timeout: 30_000 }, () => {
  it("when its service exits at once", async () => {
    const { error } = await failureOf("echo no licence left >&2; exit 3");
    expect(error).toBe("The service exited with code 3 before it was ready\n\nno licence left");
  });

  it("when its service exits with 0 before it was ready", async () => {
    const { error } = await failureOf("true");
    expect(error).toBe("The service exited with code 0 before it was ready");
  });

  it("when a program is missing, which it names", async () => {
    const { error } = await failureOf('no-such-notebook --port="$service_port"');
    expect(error).toMatch(/^The program "no-such-notebook" was not found on this host\./);
    expect(error).toContain("no-such-notebook: command not found");
  });

  it("with the name of the signal that ended its service", async () => {
    const { error } = await failureOf(`bash -c 'kill -KILL $$'`);
    expect(error).toContain("The service exited with code 137 (SIGKILL) before it was ready");
  });

  it("when even its script was killed", async () => {
    const { error } = await failureOf("kill -KILL $$; sleep 300");
    expect(error).toBe("The service was ended by SIGKILL before it was ready");
  });

  it("with what its script has to say", async () => {
    const { error } = await failureOf('displayErrorMessage "No GPU on this host: choose another partition"');
    expect(error).toBe("No GPU on this host: choose another partition");
  });

  it("with the last lines of its log, as a terminal would show them", async () => {
    const { error } = await failureOf(String.raw`
      for n in {1..400}; do printf '\e[31mline %s\e[0m\n' $n; done
      printf '10%%\r55%%\r99%%\n\n'; printf '%05000d' 0 >&2; exit 1`);
    const [, ...lines] = error.split("\n\n").join("\n").split("\n");
    expect(lines).toHaveLength(1);
    expect(Buffer.byteLength(lines[0] ?? "")).toBe(4096);
    const { error: shorter } = await failureOf(String.raw`
      for n in {1..400}; do printf '\e[31mline %s\e[0m\n' $n; done
      printf '10%%\r55%%\r99%%\n\n'; exit 1`);
    const shown = shorter.split("\n").slice(2);
    expect(shown).toHaveLength(15);
    expect(shown.slice(-3)).toEqual(["line 399", "line 400", "99%"]);
  });

  it("when nothing listens within its budget, and nothing of it is left", async () => {
    const { error } = await failureOf(
      "echo waiting; setsid sleep 300 & sleep 300",
      "readiness: { timeout: 4 }",
    );
    expect(error).toMatch(/^The service was not ready within 4 s: nothing listens on port \d+\n\nwaiting$/);
  });

  it("when it only ever answers 500 and above", async () => {
    const start = `"$berth_node" -e '
      require("node:http").createServer((request, response) => response.writeHead(502).end())
        .listen(Number(process.argv[1]))' "$service_port"`;
    // Within it the service is to have started, on a busy machine too.
    const { error } = await failureOf(start, "readiness: { timeout: 8 }");
    expect(error).toBe("The service was not ready within 8 s: it answers with status 502");
  });

  it("when its service binds without SO_REUSEADDR, and is told so", async () => {
    const { error } = await failureOf(
      `python3 -c 'import socket, sys; socket.socket().bind(("", int(sys.argv[1])))' "$service_port"`,
    );
    expect(error).toContain("a server must set SO_REUSEADDR before it binds");
  });

  it("when there is no such service, and nothing is started", async () => {
    const workspace = await Workspace.open({
      broken: { "start_template.sh": ECHO, "service.yaml": "slug: [1]" },
    });
    for (const [service, why] of [
      ["missing", 'Cannot start "missing": the workspace has no such service'],
      ["broken", 'Cannot start "broken": service.yaml:1: slug: '],
    ] as const) {
      const spec = workspace.spec(service);
      workspace.want(spec);
      expect((await workspace.until(spec.id, "failed")).error).toContain(why);
      expect(await workspace.read(spec.id, "session.sh")).toBe("");
    }
  });

  it("when it dies while it runs", async () => {
    const workspace = await Workspace.open({ echo: ECHO });
    const { id, port } = await workspace.run("echo");
    const server = (await processesOf(id)).find(({ command }) => command.includes("createServer"));
    process.kill(server?.pid ?? 0, "SIGKILL");
    const report = await workspace.until(id, "failed");
    expect(report.error).toMatch(/^The service exited with code 137 \(SIGKILL\)\n\n.*Killed/);
    expect(report.port).toBe(port);
  });
});

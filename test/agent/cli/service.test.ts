import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeJoined } from "../../../agent/joined.ts";
import { quoteWord } from "../../../agent/systemd-unit.ts";
import { FakeSystemctl } from "../../support/fake-systemctl.ts";
import { RunningCommand } from "../../support/running-command.ts";

let home: string;
let systemd: FakeSystemctl;

beforeEach(async () => {
  // A space and a percent sign: what systemd would split and replace.
  home = join(await mkdtemp(join(tmpdir(), "berth-service-")), "my 100% home");
  await mkdir(home);
  await writeJoined(home, {
    edge: new URL("https://berth.example.org"),
    token: "berth_agent_secret",
    name: "Ana",
  });
  systemd = await FakeSystemctl.open();
});

afterEach(async () => {
  await systemd[Symbol.asyncDispose]();
  await rm(join(home, ".."), { recursive: true, force: true });
});

async function service(verb: string): Promise<{ code: number | null; output: string }> {
  await using running = new RunningCommand(home, ["service", verb], systemd.env);
  const code = await running.exited;
  return { code, output: running.output };
}

/** What systemd itself says of the unit; null where it is not installed. */
function verify(unit: string): Promise<{ code: number; said: string } | null> {
  return new Promise((resolve) => {
    const env = { ...process.env, XDG_RUNTIME_DIR: systemd.folder };
    execFile("systemd-analyze", ["verify", "--user", unit], { env }, (error, _stdout, stderr) => {
      if (error?.code === "ENOENT") resolve(null);
      else resolve({ code: typeof error?.code === "number" ? error.code : 0, said: stderr });
    });
  });
}

describe("berth service install", { timeout: 60_000 }, () => {
  it("writes a unit that systemd takes, and starts it", async () => {
    const { code, output } = await service("install");
    expect(output).toContain(
      "The agent runs as the service berth-agent.service, for https://berth.example.org",
    );
    expect(code).toBe(0);
    expect(await systemd.changes()).toEqual([
      "--user daemon-reload",
      "--user enable berth-agent.service",
      "--user restart berth-agent.service",
    ]);
    const unit = await readFile(systemd.unit, "utf8");
    expect(unit).toContain(`ExecStart="${process.execPath}" "`);
    expect(unit).toContain(`agent/main.ts" "up"\n`);
    expect(unit).toContain(`Environment="BERTH_HOME=${home.replace("%", "%%")}"\n`);
    for (const line of ["Restart=always", "KillMode=process", "RestartPreventExitStatus=3"])
      expect(unit.split("\n")).toContain(line);
    expect(unit).not.toContain("berth_agent_");
    const verified = await verify(systemd.unit);
    if (verified !== null) expect(verified).toEqual({ code: 0, said: "" });
  });

  it("says that it ends with the login, unless the user's services linger", async () => {
    expect((await service("install")).output).toContain("loginctl enable-linger");
    await systemd.is("lingers");
    expect((await service("install")).output).not.toContain("enable-linger");
  });

  it("names berth up --detach where systemd runs nothing for this user", async () => {
    await systemd.is("no-bus");
    const { code, output } = await service("install");
    expect(code).toBe(1);
    expect(output).toContain(
      "systemd does not answer for this user: Failed to connect to bus: No medium found",
    );
    expect(output).toContain("Run the agent in the background without it: `berth up --detach`.");
    await expect(stat(systemd.unit)).rejects.toThrow("ENOENT");
  });

  it("does not start a second agent beside one that runs", async () => {
    // Nothing answers at port 1: the agent goes on trying.
    await writeJoined(home, {
      edge: new URL("http://127.0.0.1:1"),
      token: "berth_agent_secret",
      name: "Ana",
    });
    await using other = new RunningCommand(home, ["up"], systemd.env);
    await other.says(/cannot reach the edge/);
    const { code, output } = await service("install");
    expect(code).toBe(1);
    expect(output).toContain("Stop it first: berth down");
  });

  it("is for a machine that has joined an edge", async () => {
    await rm(join(home, "joined.json"));
    const { code, output } = await service("install");
    expect(code).toBe(1);
    expect(output).toContain("Join it first: `berth join <edge>`.");
  });
});

it("berth service status says whether it runs", { timeout: 60_000 }, async () => {
  expect(await service("status")).toEqual({
    code: 1,
    output: "No service is installed: berth service install\n",
  });
  await service("install");
  expect(await service("status")).toEqual({
    code: 0,
    output: "berth-agent.service is active (running, process 4242), enabled.\n",
  });
  await systemd.is("failed");
  const { code, output } = await service("status");
  expect(code).toBe(1);
  expect(output).toContain("berth-agent.service is failed (failed), enabled.");
  expect(output).toContain("journalctl --user --unit berth-agent.service");
});

it("berth service uninstall stops it and takes the unit away", { timeout: 60_000 }, async () => {
  await service("install");
  const { code, output } = await service("uninstall");
  expect([code, output]).toEqual([0, "The service is removed, and its agent stopped; sessions go on.\n"]);
  expect((await systemd.changes()).slice(-2)).toEqual([
    "--user disable --now berth-agent.service",
    "--user daemon-reload",
  ]);
  await expect(stat(systemd.unit)).rejects.toThrow("ENOENT");
  expect((await service("uninstall")).output).toBe("No service is installed.\n");
});

it("a unit file takes no line break from anywhere", () => {
  expect(() => quoteWord("a\nExecStartPre=evil")).toThrow("it holds a control character");
  expect(quoteWord('a "b" \\ 5%')).toBe('"a \\"b\\" \\\\ 5%%"');
});

import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { identify } from "../../../agent/process-tree.ts";
import { findScript } from "../../../agent/script/service-scripts.ts";
import { sessionScript } from "../../../agent/script/session-script.ts";
import { eventually, eventuallyWritten } from "../../support/eventually.ts";
import type { SessionDirectory } from "../../support/session-directory.ts";
import { sessionDirectory, temporaryDirectory } from "../../support/session-directory.ts";

const withStart = (
  script: string,
  options?: Parameters<typeof sessionDirectory>[1],
): Promise<SessionDirectory> => sessionDirectory({ "start_template.sh": script }, options);

/** Runs a start script to its end and gives the lines that it printed. */
async function output(script: string, options?: Parameters<typeof sessionDirectory>[1]): Promise<string[]> {
  const session = await withStart(script, options);
  await (
    await session.start()
  ).ended;
  return (await session.read("log")).split("\n").slice(0, -1);
}

const appears = (session: SessionDirectory, name: string): Promise<string> =>
  eventually(() => session.read(name), { what: name });

describe("a session's script", () => {
  it("gives the variables of the contract", async () => {
    const names =
      "service_port servicePort openPort basepath job_number resource_jobdir pw_job_dir service_parent_install_dir jobschedulertype resource_name berth_node";
    const session = await withStart(`for name in ${names}; do printf '%s=%s\\n' "$name" "\${!name}"; done`);
    await (
      await session.start()
    ).ended;
    const { directory, spec, installDirectory } = session.options;
    expect((await session.read("log")).split("\n").slice(0, -1)).toEqual([
      "service_port=50001",
      "servicePort=50001",
      "openPort=50001",
      "basepath=/me/50001",
      `job_number=${spec.id}`,
      `resource_jobdir=${directory}`,
      `pw_job_dir=${directory}`,
      `service_parent_install_dir=${installDirectory}`,
      "jobschedulertype=LOCAL",
      "resource_name=workspace",
      `berth_node=${process.execPath}`,
    ]);
  });

  it("hands over each input as that very text", async () => {
    const inputs = {
      injection: '"; touch x; "',
      quotes: `'\\''"$(touch x)\`touch x\`\n$HOME`,
      trailing: "line\n\n",
      long: "it's 100 kB\n".repeat(9000),
      number: 1.5,
      flag: false,
      empty: "",
    };
    const names = Object.keys(inputs);
    const session = await withStart(
      `printf '%s\\0' ${names.map((name) => `"$service_${name}"`).join(" ")} >values`,
      { inputs },
    );
    expect(await (await session.start()).ended).toBe(0);
    expect((await session.read("values")).split("\0").slice(0, -1)).toEqual(
      Object.values(inputs).map(String),
    );
    expect(await readdir(session.path)).not.toContain("x");
  });

  it("keeps the variables out of the environment, also those that were in it", async () => {
    const session = await withStart("env -0 >environment; bash -c 'env -0' >>environment", {
      inputs: { password: "secret" },
    });
    const outer = { service_port: "1", service_password: "outer", sshusercontainer: "outer" };
    expect(await (await session.start("session", outer)).ended).toBe(0);
    const environment = await session.read("environment");
    expect(environment).not.toMatch(/service_|sshusercontainer|secret|outer/);
  });

  it("lets no input take the place of its own variables", async () => {
    expect(await output('echo "$service_port"', { inputs: { port: 22 } })).toEqual(["50001"]);
  });

  it("runs the service in the session's directory, without input, with the user's own umask", async () => {
    const session = await withStart("pwd; cat; umask; : >file; exec cat");
    expect(await (await session.start()).ended).toBe(0);
    const own = process.umask().toString(8).padStart(4, "0");
    expect(await session.read("log")).toBe(`${session.path}\n${own}\n`);
  });

  it("lets the service find its own folder", async () => {
    const session = await withStart('cat "${BASH_SOURCE[0]%/*}/start_template.sh"');
    await (
      await session.start()
    ).ended;
    expect(await session.read("log")).toContain("BASH_SOURCE");
  });

  it("runs once, whoever starts it and how often", async () => {
    const session = await withStart("echo started >>starts; sleep 300");
    const running = await Promise.all(Array.from({ length: 6 }, () => session.start()));
    const codes = running.map(({ ended }) => ended);
    expect(await Promise.race(codes)).toBe(75);
    await eventuallyWritten(() => session.read("starts"), { what: "starts" });

    const [pid, startTime] = (await session.read("pid")).trim().split(" ").map(Number);
    const leader = running.find((each) => each.pid === pid);
    expect(identify(pid ?? 0)).toEqual({ pid, startTime });
    leader?.signalGroup("SIGTERM");
    expect((await Promise.all(codes)).filter((code) => code !== 75)).toEqual([143]);
    expect(await (await session.start()).ended).toBe(75);
    expect(await session.read("starts")).toBe("started\n");
    expect(await session.read("exit")).toBe("143\n");
  });

  it.each([
    ["ends well", ":", 0],
    ["exits", "exit 7", 7],
    ["returns", "return 3", 3],
    ["fails with its last command", "bash -c 'exit 9'", 9],
    ["is another program", "exec bash -c 'exit 5'", 5],
    ["stops at an error", "set -e; false; echo on", 1],
    ["is missing", "exec /nowhere/jupyter", 127],
    ["is killed", "exec bash -c 'kill -KILL $BASHPID'", 137],
    ["is no shell script", "if (", 2],
  ])("writes the exit code of a service that %s", async (_what, script, code) => {
    const session = await withStart(script);
    expect(await (await session.start()).ended).toBe(code);
    expect(await session.read("exit")).toBe(`${code}\n`);
    expect(await session.reports()).toEqual(["ended", String(code)]);
  });

  it("waits at TERM until the service has ended in its own way", async () => {
    const session = await withStart(
      `bash -c 'trap ": >asked; until [ -e go ]; do sleep 0.02; done; ls exit >last; exit 0" TERM; : >up; while :; do sleep 0.02; done'
       echo on`,
    );
    const running = await session.start();
    await appears(session, "up");
    running.signalGroup("SIGTERM");
    await appears(session, "asked");
    await writeFile(join(session.path, "go"), "");
    expect(await running.ended).toBe(143);
    // What the service saw of `exit` when it was about to end: nothing.
    expect(await session.read("last")).toBe("");
    expect(await session.read("log")).not.toContain("on\n");
  });

  it.each(["SIGHUP", "SIGTERM", "SIGINT", "SIGUSR1"] as const)(
    "outlives a %s that only it gets",
    async (signal) => {
      const session = await withStart("trap - HUP; : >up; until [ -e go ]; do sleep 0.02; done; exit 4");
      const running = await session.start();
      await appears(session, "up");
      running.process.kill(signal);
      await writeFile(join(session.path, "go"), "");
      expect(await running.ended).toBe(4);
      expect(await session.read("exit")).toBe("4\n");
    },
  );

  it("leaves no signal ignored in the service", async () => {
    const [ignored] = await output("exec grep SigIgn /proc/self/status");
    // libuv gives every child the default dispositions, so that what is ignored here is the script's doing.
    expect(ignored).toMatch(/^SigIgn:\s+0+$/);
  });

  it.each([
    [
      "sets traps and options",
      "trap 'echo bye' EXIT TERM; set -euC; shopt -s extglob; cd /; umask 777; exit 6",
    ],
    [
      "redefines what the script uses",
      "printf() { :; }; mv() { :; }; exit() { builtin exit 6; }; code=1; exit",
    ],
    ["closes every output", "exec >&- 2>&-; exit 6"],
    ["signals its own group", "trap : USR1 TERM; kill -USR1 0; kill -TERM 0; exit 6"],
    [
      "rewrites the script",
      "echo 'echo pwned >pwned' >>session.sh; printf 'touch pwned\\n%.0s' {1..2000} >session.sh; exit 6",
    ],
    ["puts a pipe in the way", "rm -f exit; mkfifo exit.tmp exit reports; exit 6"],
    ["puts directories in the way", "mkdir -p exit.tmp/x exit/x; exit 6"],
    ["floods its log", "yes 'a line of a log' | head -c 20000000; exit 6"],
  ])("still writes the exit code when the service %s", async (_what, script) => {
    const session = await withStart(script);
    expect(await (await session.start()).ended).toBe(6);
    expect(await session.read("exit")).toBe("6\n");
    expect(await readdir(session.path)).not.toContain("pwned");
  });

  it("is refused without a start script, and with an input that no shell can hold", async () => {
    const session = await withStart(":", { inputs: { a: "x\0" } });
    expect(() => sessionScript(session.options)).toThrow(expect.objectContaining({ code: "invalid_input" }));
    const options = { ...session.options, serviceDirectory: session.path };
    expect(() => sessionScript(options)).toThrow(expect.objectContaining({ code: "unknown_service" }));
  });
});

describe("the script that cancels", () => {
  const cancel = "echo cancel $service_port >>done; exit 3";

  it("runs the service's kill script and then what the start script left", async () => {
    const session = await sessionDirectory({
      "kill_template.sh": 'pwd >>done; echo "kill $basepath" >>done; exec true',
    });
    await writeFile(join(session.path, "cancel.sh"), cancel);
    expect(await (await session.start("kill")).ended).toBe(1);
    expect(await (await session.start("kill")).ended).toBe(1);
    const done = `${session.path}\nkill /me/50001\ncancel 50001\n`;
    expect(await session.read("done")).toBe(done + done);
  });

  it("has nothing to do where there is neither", async () => {
    const session = await sessionDirectory({});
    expect(await (await session.start("kill")).ended).toBe(0);
  });

  it("goes on to the next at TERM", async () => {
    const session = await sessionDirectory({ "kill_template.sh": ": >up; sleep 300; echo on" });
    await writeFile(join(session.path, "cancel.sh"), cancel);
    const running = await session.start("kill");
    await appears(session, "up");
    running.signalGroup("SIGTERM");
    expect(await running.ended).toBe(1);
    expect(await session.read("done")).toBe("cancel 50001\n");
  });
});

describe("a service's scripts", () => {
  it.each<[string[], "start" | "kill" | "controller", string | undefined]>([
    [["start_template.sh"], "start", "start_template.sh"],
    [["start-template.sh"], "start", "start-template.sh"],
    [["start_template-v3.sh"], "start", "start_template-v3.sh"],
    [["start-template-v3.sh"], "start", "start-template-v3.sh"],
    [["start-template.sh", "start_template.sh"], "start", "start_template.sh"],
    [["start-template-v3.sh", "start_template.sh"], "start", "start-template-v3.sh"],
    [["start_template_v3.sh"], "start", "start_template_v3.sh"],
    [
      ["start_template-v3.sh", "start_template-v10.sh", "start_template-v2.sh"],
      "start",
      "start_template-v10.sh",
    ],
    [["start-template-v3.sh", "start_template-v3.sh"], "start", "start_template-v3.sh"],
    [["kill-template-v3.sh"], "kill", "kill-template-v3.sh"],
    [["controller-v3.sh"], "controller", "controller-v3.sh"],
    [["start_template.sh.bak", "start_template-old.sh", "my_start_template.sh"], "start", undefined],
    [["start_template.sh"], "kill", undefined],
  ])("among %j for %s: %s", async (names, kind, found) => {
    const folder = await temporaryDirectory();
    for (const name of names) await writeFile(join(folder, name), "");
    expect(findScript(folder, kind)).toBe(found && join(folder, found));
  });

  it("are none where there is no folder", async () => {
    expect(findScript(join(await temporaryDirectory(), "none"), "start")).toBeUndefined();
  });
});

import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Session } from "../../contract/session.ts";
import { ClusterBerth, NODE_ECHO } from "../support/cluster-berth.ts";
import { needsCluster } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { mustRun } from "./command.ts";

const SERVICES = {
  echo: NODE_ECHO,
  /** Never listens. */
  slow: { "start_template.sh": "exec sleep 1000\n" },
  /** Writes three gigabytes before it listens, and goes on. */
  loud: {
    ...NODE_ECHO,
    "start_template.sh": `
head -c 3G /dev/zero | tr '\\0' x
(while sleep 0.1; do head -c 10M /dev/zero | tr '\\0' y; done) &
exec python3 -u service/echo.py "$service_port"
`,
  },
  /** Puts a pipe in its log's place. */
  piped: {
    ...NODE_ECHO,
    "start_template.sh": `
mkfifo pipe && mv -f pipe log
exec python3 -u service/echo.py "$service_port"
`,
  },
  /** Reports fifty megabytes of nothing, and then two thousand times how it is. */
  talkative: {
    ...NODE_ECHO,
    "start_template.sh": `
reports=$(sed -n 's/^reports=//p' tell)
head -c 50M /dev/zero | tr '\\0' x >>"$reports"
for number in {1..2000}; do printf 'status\\0%s\\0' "$number"; done >>"$reports"
exec python3 -u service/echo.py "$service_port"
`,
  },
};

beforeEach(needsCluster());

describe("a session on a cluster", { timeout: 180_000 }, () => {
  let all: ClusterBerth;
  /** A small disk with the agent's memory of its sessions. The edge keeps its own elsewhere, as a deployed one does. */
  let disk: string;

  beforeAll(async () => {
    all = await ClusterBerth.start({ services: SERVICES });
    disk = join(all.berth.home, "sessions");
    await mustRun(["mount", "-t", "tmpfs", "-o", "size=256m,mode=700", "tmpfs", disk]);
  });
  afterAll(async () => {
    await all.berth.down();
    await mustRun(["umount", disk]);
    await all[Symbol.asyncDispose]();
  });

  const log = async ({ id }: Session): Promise<string> =>
    await (await all.berth.fetch(`/api/sessions/${id}/logs`)).text();

  /** What the session's server says of each request comes into its log. */
  async function isHeard(session: Session, word: string): Promise<void> {
    expect(await all.ask(session, word)).toContain(word);
    await eventually(async () => (await log(session)).includes(`GET /${word} `), {
      timeoutMs: 60_000,
      what: `"${word}" in the log`,
    });
  }

  async function agentsMemory(): Promise<number> {
    const status = await readFile(`/proc/${await all.berth.pid("agent")}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
  }

  it.each(["controller", "compute"])(
    "fails, and nothing is left, when its script is killed on the %s node",
    async (placement) => {
      const session = await all.run({ placement });
      const own = await all.cluster.processes({ user: "ada" });
      // Its first one: what has its name besides are the parts of it that go on without it.
      const [script] = own
        .filter(({ argv }) => argv[1]?.endsWith(`${session.id}/session.sh`))
        .toSorted((one, other) => one.pid - other.pid);
      if (script === undefined) throw new Error("no script runs");
      process.kill(script.pid, "SIGKILL");
      const failed = await all.berth.until(session.id, "failed");
      expect(failed.error).not.toBe("");
      await all.untilNothingIsLeft();
    },
  );

  it("outlives a scheduler that has forgotten its job", async () => {
    const session = await all.run();
    const before = await all.ask(session);
    const path = join(all.cluster.layout.home, "ada", ".fake-squeue");
    await writeFile(path, "#!/bin/bash\nexit 0\n", { mode: 0o755 });
    await all.cluster.exec("ctl", ["mount", "--bind", "/home/ada/.fake-squeue", "/usr/bin/squeue"]);
    try {
      await all.crashAgent();
      await eventually(async () => (await all.ask(session).catch(() => "")) === before, {
        timeoutMs: 60_000,
        what: "the page",
      });
      // Its tunnel is lost, and comes back.
      await all.killTunnels();
      await eventually(async () => (await all.ask(session).catch(() => "")) === before, {
        timeoutMs: 60_000,
        what: "the page again",
      });
      expect(await all.berth.session(session.id)).toMatchObject({ state: "running" });
    } finally {
      await all.cluster.exec("ctl", ["umount", "/usr/bin/squeue"]);
    }
    await all.cancelWhole(session);
  });

  it("lives on while the disk of the workspace is full, and no line of its log is lost", async () => {
    const session = await all.run();
    const filler = join(disk, "filler");
    await mustRun(["sh", "-c", 'head -c 1G /dev/zero >"$1" 2>/dev/null || :', "sh", filler]);
    for (let number = 0; number < 5; number++) await all.ask(session, `full-${number}`);
    await all.killConnections();
    await eventually(async () => (await all.ask(session, "again").catch(() => "")) !== "", {
      timeoutMs: 60_000,
      what: "the page",
    });
    await rm(filler);
    await isHeard(session, "room");
    const text = await log(session);
    for (let number = 0; number < 5; number++) expect(text.split(`GET /full-${number} `)).toHaveLength(2);
    expect(await all.berth.session(session.id)).toMatchObject({ state: "running", error: "" });
    await all.cancelWhole(session);
  });

  it.each(["loud", "piped", "talkative"])("that is %s is in nobody's way", async (service) => {
    const [other, session] = await Promise.all([all.run(), all.launch({ service })]);
    await isHeard(other, "before");
    const running = await all.berth.until(session.id, "running");
    await isHeard(other, "after");
    expect(await all.ask(running)).toMatch(/^c[12] /);
    expect(await agentsMemory()).toBeLessThan(400);
    await all.berth.cancel(other.id);
    await all.berth.until(other.id, "canceled");
    await all.cancelWhole(running);
  });

  it("whose folder is too large is refused with what to do", async () => {
    const path = join(all.berth.home, "services", "echo", "data");
    await mustRun(["sh", "-c", 'head -c 80M /dev/zero >"$1"', "sh", path]);
    const { id } = await all.launch();
    expect((await all.berth.until(id, "failed")).error).toContain("controller.sh");
    await rm(path);
    await all.untilNothingIsLeft();
  });

  it("takes nothing of the agent with it into its end", async () => {
    const files = async (): Promise<number> =>
      (await readdir(`/proc/${await all.berth.pid("agent")}/fd`)).length;
    const several = async (): Promise<void> => {
      const sessions = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          all.launch({ service: "slow", placement: index % 2 === 0 ? "compute" : "controller" }),
        ),
      );
      await Promise.all(sessions.map(({ id }) => all.berth.until(id, "starting")));
      await Promise.all(sessions.map(({ id }) => all.berth.cancel(id)));
      await Promise.all(sessions.map(({ id }) => all.berth.until(id, "canceled")));
    };
    await several();
    const before = await files();
    await several();
    await several();
    await eventually(async () => (await files()) <= before, { what: "as few open files as before" });
    // A timer that is left would keep it from its end.
    await all.berth.down();
    await all.berth.up();
    const told = await all.berth.read(join(all.berth.home, "run/agent.log"));
    expect(told).not.toMatch(/MaxListeners|Warning|unhandled|is stuck/i);
    await all.untilNothingIsLeft();
  });
});

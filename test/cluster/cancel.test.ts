import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isEnded, type Session } from "../../contract/session.ts";
import { ClusterBerth, NODE_ECHO } from "../support/cluster-berth.ts";
import { needsCluster } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { ROOT } from "../support/repository-files.ts";

const SERVICES = {
  echo: NODE_ECHO,
  /** Never listens. */
  slow: { "start_template.sh": '$sshusercontainer status "Thinking"\nexec sleep 1000\n' },
  /** Is prepared for a long time. */
  prepared: {
    "start_template.sh": "exec sleep 1000\n",
    "controller.sh": '$sshusercontainer status "Installing"\necho installing\nexec sleep 1000\n',
  },
  /** Leaves the shell that started it, and does not want to end. */
  stubborn: {
    "start_template.sh": `
(trap '' TERM HUP INT; setsid sleep 1000 & setsid sh -c 'trap "" TERM; while :; do sleep 1000; done' &)
echo 'echo "cancel.sh on $HOSTNAME"' >cancel.sh
exec python3 -u service/echo.py "$service_port"
`,
    "kill_template.sh": 'echo "kill_template.sh on $HOSTNAME for $job_number"\n',
    "echo.py": NODE_ECHO["echo.py"] ?? "",
  },
  /** Takes its time to save what it has. */
  saving: {
    ...NODE_ECHO,
    "kill_template.sh": 'echo "saving"\nsleep 3\nbash service/save.sh\n',
    "save.sh": 'echo "saved on $HOSTNAME"\n',
  },
};

beforeEach(needsCluster());

describe("a cancel", { timeout: 240_000 }, () => {
  let all: ClusterBerth;

  beforeAll(async () => {
    all = await ClusterBerth.start({
      services: SERVICES,
      resources: { hopper: "slurm", lowe: "pbs" },
    });
  });
  afterAll(() => all[Symbol.asyncDispose]());

  async function leavesNothing({ id }: Session): Promise<void> {
    expect(await all.berth.until(id, "canceled")).toMatchObject({ state: "canceled", canceling: false });
    await all.untilNothingIsLeft();
    await expect.poll(() => all.keys(id), { timeout: 30_000 }).toEqual([]);
  }

  async function cancels(session: Session): Promise<void> {
    await all.berth.cancel(session.id);
    await leavesNothing(session);
  }

  describe.each(["controller", "compute"])("on a %s node", (placement) => {
    it("leaves nothing of a session that has just been launched", async () =>
      cancels(await all.launch({ placement })));

    it("leaves nothing of one that is being prepared", async () => {
      const { id } = await all.launch({ placement, service: "prepared" });
      await eventually(async () => (await all.berth.session(id)).status === "Installing", {
        timeoutMs: 60_000,
        what: "the preparation",
      });
      await cancels(await all.berth.session(id));
    });

    it("leaves nothing of one that is starting", async () => {
      const { id } = await all.launch({ placement, service: "slow" });
      await eventually(async () => (await all.berth.session(id)).status === "Thinking", {
        timeoutMs: 60_000,
        what: "its script",
      });
      await cancels(await all.berth.session(id));
    });

    it("runs the kill scripts on the node, and ends what has left the service's process group", async () => {
      const session = await all.run({ placement, service: "stubborn" });
      const [node] = (await all.ask(session)).split(" ");
      await cancels(session);
      const log = await (await all.berth.fetch(`/api/sessions/${session.id}/logs`)).text();
      expect(log).toContain(`kill_template.sh on ${node} for ${session.id}`);
      expect(log).toContain(`cancel.sh on ${node}`);
    });

    it("may be given twice", async () => {
      const session = await all.run({ placement });
      await Promise.all([all.berth.cancel(session.id), all.berth.cancel(session.id)]);
      await all.berth.cancel(session.id);
      await leavesNothing(session);
      expect(await all.berth.cancel(session.id)).toMatchObject({ state: "canceled" });
    });

    it("that came while the agent was away happens at its return", async () => {
      const session = await all.run({ placement });
      const agent = await all.berth.pid("agent");
      if (agent === undefined) throw new Error("no agent runs");
      process.kill(agent, "SIGSTOP");
      expect(await all.berth.cancel(session.id)).toMatchObject({ canceling: true, state: "running" });
      await all.berth.crash("agent");
      await leavesNothing(session);
    });

    it("says so while the controller cannot be reached, and happens when it can", async () => {
      const session = await all.run({ placement });
      await all.cluster.cutLink("ctl");
      try {
        await all.berth.cancel(session.id);
        const told = await eventually(
          async () => {
            const { trouble } = await all.berth.session(session.id);
            return trouble ?? false;
          },
          { timeoutMs: 120_000, what: "word of the trouble" },
        );
        expect(told).toMatch(/^Cannot end it on the cluster/);
        expect(isEnded((await all.berth.session(session.id)).state)).toBe(false);
      } finally {
        await all.cluster.restoreLink("ctl");
      }
      await leavesNothing(session);
    });
  });

  // SchedMD's qstat calls a job complete from its cancel on, while its script still runs.
  it.each(["hopper", "lowe"])("waits for what the kill scripts still save, on %s", async (resource) => {
    const session = await all.run({ placement: "compute", resource, service: "saving" });
    const [node] = (await all.ask(session)).split(" ");
    await cancels(session);
    const log = await (await all.berth.fetch(`/api/sessions/${session.id}/logs`)).text();
    expect(log).toContain(`saved on ${node}`);
  });

  it("leaves nothing of a session that waits in the queue", async () => {
    await using _full = await all.cluster.slurm.fill("small");
    const { id } = await all.launch({ scheduler: { partition: "small" } });
    await all.berth.until(id, "queued");
    await all.berth.cancel(id);
    await all.berth.until(id, "canceled");
    expect((await all.cluster.slurm.queue()).filter(({ name }) => name === id)).toEqual([]);
  });

  it("is the command line's, too", async () => {
    const session = await all.run();
    const environment = { ...process.env, BERTH_HOME: all.berth.home, BERTH_PORT: String(all.berth.port) };
    const { stdout } = await promisify(execFile)(join(ROOT, "berth"), ["cancel", session.id], {
      env: environment,
    });
    expect(stdout).toContain("canceled");
    await leavesNothing(session);
  });

  it("by the scheduler's own command is told with who gave it", async () => {
    const session = await all.run();
    await all.cluster.exec("ctl", ["scancel", session.jobId ?? ""]);
    expect(await all.berth.until(session.id, "canceled")).toMatchObject({
      state: "canceled",
      status: expect.stringMatching(/cancel/i) as string,
    });
    await leavesNothing(session);
  });
});

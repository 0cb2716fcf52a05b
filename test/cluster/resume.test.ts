import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isEnded, type Session } from "../../contract/session.ts";
import { ClusterBerth, NODE_ECHO } from "../support/cluster-berth.ts";
import { needsCluster } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";

const SERVICES = {
  echo: NODE_ECHO,
  /** Is prepared on the controller, and says at each step how far it is. */
  stepwise: {
    "echo.py": NODE_ECHO["echo.py"] ?? "",
    "controller.sh": '$sshusercontainer status "Installing"\necho prepared\nsleep 0.5\n',
    "start_template.sh": `
echo "begins in job \${SLURM_JOB_ID-}"
$sshusercontainer status "Unpacking"
sleep 0.5
$sshusercontainer status "Nearly there"
exec python3 -u service/echo.py "$service_port"
`,
  },
  /** Ends by itself when it is told to. */
  finite: {
    "start_template.sh": `
python3 -m http.server --bind 127.0.0.1 "$service_port" &
until [[ -s ~/finish ]]; do sleep 0.1; done
kill $!
for line in {1..3000}; do echo "line $line"; done
exit "$(<~/finish)"
`,
  },
};

beforeEach(needsCluster());

describe("a session whose agent comes and goes", { timeout: 180_000 }, () => {
  let all: ClusterBerth;

  beforeAll(async () => {
    all = await ClusterBerth.start({ services: SERVICES });
  });
  afterAll(() => all[Symbol.asyncDispose]());
  afterEach(async () => {
    await all.cluster.exec("ctl", ["rm", "-f", "/home/ada/finish"]);
  });

  /** Kills the agent as soon as its session is so far, and has it come back. */
  async function crashesAt(seen: (session: Session) => boolean): Promise<void> {
    const { id } = await all.launch({ service: "stepwise" });
    let last: Session | undefined;
    await eventually(
      async () => {
        last = await all.berth.session(id);
        return seen(last) || last.state === "running";
      },
      { timeoutMs: 60_000, what: "the moment" },
    );
    await all.crashAgent();
    if (last === undefined) throw new Error("nothing was seen");
    await all.runsOnce(last);
  }

  it.each([
    "Submitted",
    "Preparing",
    "Installing",
    "Queued",
    "Starting",
    "Unpacking",
    "Nearly there",
    "Running",
  ])('runs once and at its port when the agent is killed at "%s"', (status) =>
    crashesAt((session) => session.status === status),
  );

  it.each(["isPreparing", "isSubmitting", "jobId", "jobStartedAt", "reportsRead", "isListening", "readyAt"])(
    "runs once when the agent is killed as soon as it has noted %s",
    async (field) => {
      const session = await all.launch({ service: "stepwise" });
      const record = join(all.berth.home, "sessions", session.id, "record.json");
      await eventually(
        async () => {
          const { launch = {} } = JSON.parse(await readFile(record, "utf8")) as {
            launch?: Record<string, unknown>;
          };
          return Boolean(launch[field]);
        },
        { timeoutMs: 60_000, what: field },
      );
      await all.crashAgent();
      await all.runsOnce(session);
    },
  );

  it("runs once when every agent is killed as soon as it is there", async () => {
    const session = await all.launch({ service: "stepwise" });
    for (let crash = 0; crash < 4; crash++) await all.crashAgent();
    await all.runsOnce(session);
  });

  it("is found again after a stop in every state", async () => {
    await using _full = await all.cluster.slurm.fill("small");
    const queued = await all.launch({ scheduler: { partition: "small" } });
    await all.berth.until(queued.id, "queued");
    const running = await all.run({ placement: "controller" });
    const onNode = await all.run();
    const starting = await all.launch({ service: "stepwise" });
    const before = await Promise.all([running, onNode].map((session) => all.ask(session)));
    await all.berth.down();
    await all.berth.up();
    for (const session of [queued, starting]) expect((await all.berth.session(session.id)).error).toBe("");
    const found = await Promise.all([running, onNode].map(({ id }) => all.berth.until(id, "running")));
    expect(found.map(({ port }) => port)).toEqual([running.port, onNode.port]);
    await eventually(
      async () => {
        const now = await Promise.all(found.map((session) => all.ask(session)));
        return now.every((page, index) => page === before[index]);
      },
      { timeoutMs: 60_000, what: "the same processes" },
    );
    await all.berth.until(starting.id, "running");
    expect(await all.jobs(starting.id)).toHaveLength(1);
    await all.berth.until(queued.id, "queued");
    const sessions = [queued, running, onNode, starting];
    await Promise.all(sessions.map(({ id }) => all.berth.cancel(id)));
    await Promise.all(sessions.map(({ id }) => all.berth.until(id, "canceled")));
  });

  it.each([
    [0, "completed", ""],
    [7, "failed", "exited with code 7"],
  ] as const)(
    "that ended with %i while no agent was there is told as %s, with its whole log",
    async (code, state, error) => {
      const session = await all.run({ service: "finite" });
      await all.berth.down();
      await writeFile(join(all.cluster.layout.home, "ada", "finish"), String(code), { mode: 0o644 });
      await eventually(async () => /COMPLETED|FAILED/.test((await all.jobs(session.id)).join()), {
        timeoutMs: 60_000,
        what: "the end of its job",
      });
      await all.berth.up();
      const ended = await all.berth.until(session.id, state);
      expect(ended.error).toContain(error);
      const log = await (await all.berth.fetch(`/api/sessions/${session.id}/logs`)).text();
      const lines = log.split("\n").filter((line) => line.startsWith("line "));
      expect(lines).toEqual(Array.from({ length: 3000 }, (_, index) => `line ${index + 1}`));
    },
  );

  it("stays where it is when its resource is removed, and can be canceled once that is there again", async () => {
    const session = await all.run();
    const before = await all.ask(session);
    const file = join(all.berth.home, "resources.yaml");
    const text = await readFile(file, "utf8");
    await writeFile(file, "{}\n");
    await eventually(async () => (await (await all.berth.fetch("/api/resources")).text()) === "[]", {
      what: "no resources",
    });
    expect(await all.ask(session)).toBe(before);
    await all.crashAgent();
    await eventually(
      async () => (await all.berth.session(session.id)).trouble?.includes('no resource "hopper"'),
      { timeoutMs: 60_000, what: "word of the trouble" },
    );
    expect(isEnded((await all.berth.session(session.id)).state)).toBe(false);
    await writeFile(file, text);
    await eventually(async () => (await all.ask(session).catch(() => "")) === before, {
      timeoutMs: 60_000,
      what: "the page",
    });
    await eventually(async () => (await all.berth.session(session.id)).trouble === null, {
      what: "the end of the trouble",
    });
    await all.cancelWhole(session);
  });
});

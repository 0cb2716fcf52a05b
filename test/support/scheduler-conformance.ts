import { randomFillSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { sessionId } from "../../contract/ids.ts";
import { BerthError } from "../../contract/problem.ts";
import { Partition } from "../../contract/resource.ts";
import type { SchedulerRequest } from "../../contract/session.ts";
import type { JobRef, JobRequest, JobStatus } from "../../agent/scheduler/scheduler.ts";
import { eventually, eventuallyWritten } from "./eventually.ts";
import { type BatchSite, hasNodes, sessionScript, type Site } from "./scheduler-site.ts";

const newSession = () => sessionId((bytes) => randomFillSync(bytes));

/**
 * What every scheduler must do, whatever it is called: one and the same suite runs over each.
 * @param given makes the site, once before all tests; its stack is disposed of after them
 * @param batch the same with nodes to wait for; left out where there is only the controller
 */
export function itIsAScheduler(
  name: string,
  given: (stack: AsyncDisposableStack) => Promise<Site | BatchSite>,
  { isBatch = true, timeoutMs = 60_000 } = {},
): void {
  describe(`${name} as a scheduler`, { timeout: timeoutMs * 2 }, () => {
    const stack = new AsyncDisposableStack();
    let site: Site | BatchSite;
    beforeAll(async () => {
      site = await given(stack);
      // Of a job whose session's directory is not there something is known only where the one above it is.
      await sh('mkdir -p "$1/sessions"', site.home);
    });
    afterAll(() => stack.disposeAsync());

    const batch = (): BatchSite => {
      if (!hasNodes(site)) throw new Error("this site has no partitions");
      return site;
    };

    const sh = async (text: string, ...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await site.shell.run(["sh", "-c", text, "sh", ...args]);
      if (code !== 0) throw new Error(`${text}: ${stderr}`);
      return stdout.toString();
    };

    /** A session's directory with a script in it. */
    async function prepare(
      command: string,
      request: SchedulerRequest = {},
      parent = "sessions",
    ): Promise<JobRequest> {
      const session = newSession();
      const directory = `${site.home}/${parent}/${session}`;
      await site.shell.run(
        ["sh", "-c", 'umask 077; mkdir -p -- "$1" && cat >"$1/session.sh"', "sh", directory],
        {
          input: sessionScript(session, directory, command),
        },
      );
      const placed = hasNodes(site) ? { partition: site.partition, walltime: 300, ...request } : request;
      return { session, directory, script: `${directory}/session.sh`, request: placed };
    }

    const statusOf = async (ref: JobRef): Promise<JobStatus> => {
      const status = (await site.scheduler.status(site.shell, [ref])).get(ref.session);
      if (status === undefined) throw new Error("a job without an answer");
      return status;
    };

    const become = <Kind extends JobStatus["kind"]>(ref: JobRef, kind: Kind) =>
      eventually(
        async () => {
          const status = await statusOf(ref);
          if (status.kind !== kind) throw new Error(JSON.stringify(status));
          return status as Extract<JobStatus, { kind: Kind }>;
        },
        { timeoutMs, what: `a job that is ${kind}` },
      );

    /** Submits, and cancels at the end of the test. */
    async function submit(job: JobRequest): Promise<JobRef> {
      const submission = await site.scheduler.submit(site.shell, job);
      if (submission.kind !== "submitted") throw new Error(JSON.stringify(submission));
      const ref = { session: job.session, directory: job.directory, jobId: submission.jobId };
      onTestFinished(async () => {
        await eventually(async () => (await site.scheduler.cancel(site.shell, ref)).kind === "gone", {
          timeoutMs,
        });
      });
      return ref;
    }

    const start = async (command: string, request?: SchedulerRequest): Promise<JobRef> =>
      submit(await prepare(command, request));

    it("finds a job by its session, and none where there is none", async () => {
      const job = await prepare("exec sleep infinity");
      expect(await site.scheduler.find(site.shell, job)).toBeUndefined();
      const ref = await submit(job);
      expect(await site.scheduler.find(site.shell, job)).toBe(ref.jobId);
      expect(
        await site.scheduler.find(site.shell, { ...job, session: newSession(), directory: site.home }),
      ).toBe(undefined);
    });

    it("runs a job on a node, and tells both its node and its end", async () => {
      const ref = await start("uname -n; exec sleep infinity");
      const running = await become(ref, "running");
      expect(site.nodes).toContain(running.node);
      const log = await eventuallyWritten(() => sh('cat -- "$1/log"', ref.directory), { timeoutMs });
      expect(log).toBe(`${running.node}\n`);
      if (!isBatch) return;
      const left = (running.endsAt ?? 0) - Date.now();
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThanOrEqual(300_000 + 60_000);
    });

    it("tells each of several jobs from the others", async () => {
      const [long, short, never] = [await start("exec sleep infinity"), await start("exit 0"), newSession()];
      await become(short, "ended");
      await become(long, "running");
      const unknown = { session: never, directory: `${site.home}/sessions/${never}`, jobId: "999999" };
      const answers = await site.scheduler.status(site.shell, [unknown, long, short]);
      expect(answers.get(never)).toEqual({ kind: "not_found" });
      expect(answers.get(long.session)).toMatchObject({ kind: "running" });
      expect(answers.get(short.session)).toMatchObject({ kind: "ended", how: "completed" });
    });

    it("asks nothing for no jobs", async () => {
      expect(await site.scheduler.status(site.shell, [])).toEqual(new Map());
    });

    it("tells a job that has completed from one that failed, with its exit code", async () => {
      const [good, bad] = [await start("exit 0"), await start("exit 7")];
      expect(await become(good, "ended")).toMatchObject({ how: "completed" });
      const failed = await become(bad, "ended");
      expect(failed).toMatchObject({ how: "failed", exitCode: 7 });
      expect(failed.reason).toContain("7");
    });

    it("knows nothing of a job that never was", async () => {
      const session = newSession();
      const ref = { session, directory: `${site.home}/sessions/${session}`, jobId: "999999" };
      expect(await statusOf(ref)).toEqual({ kind: "not_found" });
      expect(await site.scheduler.cancel(site.shell, ref)).toEqual({ kind: "gone" });
    });

    it("cancels a running job, as often as it is asked to", async () => {
      const ref = await start("exec sleep infinity");
      await become(ref, "running");
      await eventuallyWritten(() => sh('cat -- "$1/pid"', ref.directory), { timeoutMs });
      expect(await site.scheduler.cancel(site.shell, ref)).toEqual({ kind: "canceled" });
      expect(["canceled", "gone"]).toContain((await site.scheduler.cancel(site.shell, ref)).kind);
      expect(await become(ref, "ended")).toMatchObject({ how: "canceled" });
      expect(await site.scheduler.cancel(site.shell, ref)).toEqual({ kind: "gone" });
    });

    it("says that it cannot ask, and never that a job is gone, while the scheduler does not answer", async () => {
      const ref = await start("exec sleep infinity");
      await become(ref, "running");
      const job = await prepare("exit 0");
      {
        await using _ = await site.stop();
        // Side by side: each of Slurm's commands tries for nine seconds.
        const { scheduler, shell } = site;
        await Promise.all([
          expect(statusOf(ref)).resolves.toMatchObject({ kind: "unknown", why: expect.stringMatching(/./) }),
          expect(scheduler.cancel(shell, ref)).resolves.toMatchObject({ kind: "unknown" }),
          expect(scheduler.submit(shell, job)).resolves.toMatchObject({ kind: "unknown" }),
          expect(scheduler.find(shell, job)).rejects.toMatchObject({ name: "CannotAsk" }),
          expect(
            scheduler.partitions(shell).then(
              () => "listed",
              (error: unknown) => error instanceof Error && error.name,
            ),
          ).resolves.toBe(isBatch ? "CannotAsk" : "listed"),
        ]);
      }
      await become(ref, "running");
    });

    it("takes the session's paths for what they are, whatever a shell would make of them", async () => {
      const parent = `it's "odd" $(touch evil) %j`;
      const ref = await submit(await prepare("pwd", {}, parent));
      expect(await become(ref, "ended")).toMatchObject({ how: "completed" });
      expect(await sh('cat -- "$1/log"', ref.directory)).toBe(`${ref.directory}\n`);
      expect(await sh('find "$1" -name evil', site.home)).toBe("");
    });

    const forBatch = isBatch ? describe : undefined;
    forBatch?.("with nodes to wait for", () => {
      it("keeps a job behind a full partition, with the reason, and starts it when there is room", async () => {
        await using full = await batch().fill();
        const ref = await start("exec sleep infinity", { partition: full.partition });
        const waiting = await eventually(async () => {
          const status = await become(ref, "queued");
          return status.reason === undefined ? undefined : status;
        });
        expect(waiting.reason).toMatch(/\w+/);
        expect(waiting.position ?? 1).toBe(1);
        await full[Symbol.asyncDispose]();
        await become(ref, "running");
      });

      it("cancels a waiting job", async () => {
        await using full = await batch().fill();
        const ref = await start("exec sleep infinity", { partition: full.partition });
        await become(ref, "queued");
        expect(await site.scheduler.cancel(site.shell, ref)).toEqual({ kind: "canceled" });
        await eventually(async () => ["ended", "not_found"].includes((await statusOf(ref)).kind), {
          timeoutMs,
        });
        await expect(sh('cat -- "$1/pid"', ref.directory)).rejects.toThrow("pid");
      });

      it("says that the walltime has ended a job", async () => {
        const ref = await start("exec sleep infinity", { walltime: 60 });
        await become(ref, "running");
        await batch().expire(ref.jobId);
        expect(await become(ref, "ended")).toMatchObject({ how: "timeout" });
      });

      it("passes a refusal on in the scheduler's own words", async () => {
        for (const { what, request, words } of batch().refusals) {
          const submission = await site.scheduler.submit(site.shell, await prepare("exit 0", request));
          expect({ what, submission }).toEqual({
            what,
            submission: { kind: "refused", message: expect.stringMatching(words) },
          });
        }
      });

      it("lists its partitions with their limits", async () => {
        const { partition, listed } = batch();
        const found = await site.scheduler.partitions(site.shell);
        expect(found.find(({ name: called }) => called === partition)).toMatchObject(listed);
        for (const one of found) expect(Partition.parse(one)).toEqual(one);
      });

      it.each(["partition", "account", "qos"] as const)(
        "refuses a %s that is more than a name",
        async (field) => {
          for (const value of [
            "main\n#SBATCH --array=1-9",
            "x; touch evil",
            "$(touch evil)",
            "--hold",
            "a b",
            "é\0",
          ]) {
            const job = await prepare("exit 0", { [field]: value });
            const refusal = expect.objectContaining({ code: "invalid_input", field: `scheduler.${field}` });
            expect(() => site.scheduler.jobScript(job)).toThrow(refusal);
          }
        },
      );

      it("refuses a directive of two lines, and names it", async () => {
        for (const end of ["\n", "\r", "\0", "\u2028", "\u0085"]) {
          const directives = [batch().hostileDirective("true"), `-A x${end}touch evil`];
          const job = await prepare("exit 0", { directives });
          expect(() => site.scheduler.jobScript(job)).toThrow(BerthError);
          expect(() => site.scheduler.jobScript(job)).toThrow("scheduler.directives.1");
        }
      });

      it("passes a directive on as data", async () => {
        const directives = [batch().hostileDirective(`touch ${site.home}/evil`)];
        const ref = await submit(await prepare("exit 0", { directives }));
        await become(ref, "ended");
        expect(await sh('find "$1" -name evil', site.home)).toBe("");
      });
    });
  });
}

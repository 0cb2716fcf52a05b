import { describe, expect, it } from "vitest";
import type { Session } from "../../contract/session.ts";
import { Steps, stepsOf } from "../../functions/views/steps.tsx";
import { render, textOf } from "./markup.ts";
import { before, NOW, session } from "./samples.ts";

const marks = (different: Partial<Session>): string =>
  stepsOf(session(different))
    .map((step) => `${step.label} ${step.mark}`)
    .join(", ");

const waiting = { startedAt: null, url: null, port: null } as const;
const compute = { placement: "compute", resource: "hopper" } as const;
const over = { endedAt: before(1000), url: null } as const;

describe("the steps of a session", () => {
  it.each<[string, Partial<Session>, string]>([
    ["submitted", { ...waiting, state: "submitted" }, "submitted now, starting next, ready next"],
    [
      "queued",
      { ...waiting, state: "queued", jobId: "48213" },
      "submitted done, queued now, node next, starting next, ready next",
    ],
    [
      "submitted to a cluster",
      { ...waiting, ...compute, state: "submitted" },
      "submitted now, queued next, node next, starting next, ready next",
    ],
    [
      "refused by the scheduler",
      { ...over, ...compute, startedAt: null, state: "failed" },
      "submitted failed",
    ],
    [
      "canceled in the queue",
      { ...over, ...compute, startedAt: null, jobId: "48213", state: "canceled" },
      "submitted done, queued stopped",
    ],
    [
      "ended on a node",
      { ...over, ...compute, jobId: "48213", node: "c12", state: "completed" },
      "submitted done, queued done, node done, starting done, running done",
    ],
    [
      "running on a controller",
      { placement: "controller", resource: "hopper", node: "login1", jobId: "812 4401" },
      "submitted done, node done, starting done, running now",
    ],
    ["starting", { ...waiting, state: "starting" }, "submitted done, starting now, ready next"],
    [
      "starting on a node",
      { ...waiting, ...compute, state: "starting", jobId: "48213", node: "c12" },
      "submitted done, queued done, node done, starting now, ready next",
    ],
    ["running", {}, "submitted done, starting done, running now"],
    ["running since nobody knows when", { startedAt: null }, "submitted done, starting done, running now"],
    ["completed", { ...over, state: "completed" }, "submitted done, starting done, running done"],
    ["canceled", { ...over, state: "canceled" }, "submitted done, starting done, running stopped"],
    ["failed while running", { ...over, state: "failed" }, "submitted done, starting done, running failed"],
    [
      "failed before it ran",
      { ...over, startedAt: null, state: "failed" },
      "submitted done, starting failed",
    ],
    [
      "canceled before it ran",
      { ...over, startedAt: null, state: "canceled" },
      "submitted done, starting stopped",
    ],
  ])("%s", (_, different, expected) => {
    expect(marks(different)).toBe(expected);
  });

  it("quote the status of the step that is under way, and say how long it takes", async () => {
    const starting = session({
      ...waiting,
      state: "starting",
      status: "Installing conda environment",
      createdAt: before(63_000),
    });
    const text = textOf(await render(Steps({ session: starting, now: NOW })));
    expect(text).toBe("submitted starting “Installing conda environment” 1 m 03 s ready");
  });

  it("say the place in the queue and the reason for it", async () => {
    const queue = { position: 3, reason: "Resources", estimatedStart: null };
    const queued = session({ ...waiting, state: "queued", queue });
    expect(textOf(await render(Steps({ session: queued, now: NOW })))).toContain(
      "queued place 3 · Resources",
    );
  });

  it("say how long each took, as far as that is known", async () => {
    const times = { createdAt: before(400_000), submittedAt: before(399_600), jobStartedAt: before(27_600) };
    const started = { ...compute, ...times, jobId: "48213", node: "c12" } as const;
    const running = session({ ...started, startedAt: before(20_000) });
    expect(textOf(await render(Steps({ session: running, now: NOW })))).toBe(
      "submitted job 48213 0.4 s queued 6 m 12 s node c12 starting 7 s running 20 s",
    );
    const starting = session({ ...started, ...waiting, state: "starting", status: "Starting" });
    expect(textOf(await render(Steps({ session: starting, now: NOW })))).toContain("starting 27 s ready");
    const failed = session({ ...started, ...over, startedAt: null, state: "failed" });
    expect(textOf(await render(Steps({ session: failed, now: NOW })))).toContain("starting 26 s");
  });

  it("have nothing to quote in the queue: the status is that of what was done before it", async () => {
    const queued = session({ ...waiting, ...compute, state: "queued", status: "Fetching the software" });
    expect(textOf(await render(Steps({ session: queued, now: NOW })))).not.toContain("Fetching");
  });

  it("do not repeat a status that only says the state", async () => {
    const starting = session({ ...waiting, state: "starting", status: "Starting" });
    expect(await render(Steps({ session: starting, now: NOW }))).not.toContain("“");
  });
});

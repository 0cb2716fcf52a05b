import { expect, it } from "vitest";
import { fitting, submittedReport } from "../../../agent/sessions/session-report.ts";
import { AgentFrame } from "../../../contract/frames.ts";
import { SessionId } from "../../../contract/ids.ts";

const id = SessionId.parse("s4k2m9x0v7qrt");
/** A login that prints its startup files' troubles before each answer. */
const wordy = "bash: module: command not found; ".repeat(1000);

it("a report is cut to what the link carries, whatever a scheduler or a login says", () => {
  const report = {
    ...submittedReport(id),
    state: "failed" as const,
    status: wordy,
    error: wordy,
    trouble: wordy,
    node: wordy,
    jobId: wordy,
    queue: { reason: wordy, position: 3 },
  };
  expect(AgentFrame.safeParse({ type: "report", report }).success).toBe(false);
  const fits = fitting(report);
  expect(AgentFrame.safeParse({ type: "report", report: fits }).success).toBe(true);
  expect(fits).toMatchObject({ queue: { position: 3 }, status: expect.stringMatching(/^bash: module/) });
});

it("a time that no clock has is not told", () => {
  const times = { submittedAt: Number.NaN, endsAt: 1e300, startedAt: 1_790_000_000_000 };
  const report = fitting({
    ...submittedReport(id),
    ...times,
    queue: { estimatedStart: Number.NaN, position: 2 },
  });
  expect(AgentFrame.safeParse({ type: "report", report }).success).toBe(true);
  expect(report).toEqual({ ...submittedReport(id), startedAt: 1_790_000_000_000, queue: { position: 2 } });
});

it("a report that fits stays what it is", () => {
  const report = { ...submittedReport(id), trouble: "Cannot ask the scheduler", queue: { position: 1 } };
  expect(fitting(report)).toEqual(report);
});

import type { Child } from "hono/jsx";
import { isEnded, type Session, type SessionState } from "../../contract/session.ts";
import { queueText } from "./queue.tsx";
import { tellingStatus } from "./session-list.tsx";
import { between, Elapsed } from "./time.tsx";

/** How far a step is: behind, under way, ahead, or where it ended badly. */
type Mark = "done" | "now" | "next" | "failed" | "stopped";

type Step = {
  label: string;
  mark: Mark;
  note?: string | undefined;
  /** When it began and ended, as far as it is known: without an end it goes on. */
  from?: string | null;
  to?: string | null;
};

const ICONS: Record<Mark, string> = {
  done: "m3.5 8.5 3 3L12.5 5",
  now: "M8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3z",
  next: "M8 7.5a.5.5 0 1 1 0 1 .5.5 0 0 1 0-1z",
  failed: "m4.5 4.5 7 7M11.5 4.5l-7 7",
  stopped: "M4 8h8",
};

/** The left half of the circle: what is under way is not there yet. */
const HALF = "M8 3a5 5 0 0 0 0 10z";

const MEANING: Record<Mark, string> = {
  done: "done",
  now: "under way",
  next: "to come",
  failed: "failed here",
  stopped: "stopped here",
};

/** How the last step of a session stands, by its state: one that lives is still at it. */
const LAST: Record<SessionState, Mark> = {
  submitted: "now",
  queued: "now",
  starting: "now",
  running: "now",
  completed: "done",
  failed: "failed",
  canceled: "stopped",
};

/** True for a session that goes through a batch scheduler. */
const isBatch = ({ placement, state }: Session): boolean => placement === "compute" || state === "queued";

/** When its start began: with its job, where it has one. */
const startOf = ({ createdAt, submittedAt, jobStartedAt }: Session): string =>
  jobStartedAt ?? submittedAt ?? createdAt;

/** The steps that only a batch scheduler brings, of a session that was taken up. */
function clusterSteps(session: Session): Step[] {
  const { state, queue, createdAt, submittedAt, jobStartedAt, startedAt, endedAt, node } = session;
  if (!isBatch(session)) return node === null ? [] : [{ label: "node", mark: "done", note: node }];
  const queued = { label: "queued", from: submittedAt ?? createdAt } as const;
  if (state === "queued") {
    return [
      { ...queued, mark: "now", note: queueText(queue) },
      { label: "node", mark: "next" },
    ];
  }
  if (isEnded(state) && startedAt === null && node === null)
    return [{ ...queued, mark: LAST[state], to: endedAt }];
  return [
    { label: "queued", mark: "done", ...(jobStartedAt === null ? {} : { ...queued, to: jobStartedAt }) },
    { label: "node", mark: "done", note: node ?? undefined },
  ];
}

/** The start and the run of a session that is up, or over. */
function runSteps(session: Session): Step[] {
  const { state, startedAt, endedAt } = session;
  const from = startOf(session);
  const hasRun = startedAt !== null || state === "running" || state === "completed";
  if (!hasRun) return [{ label: "starting", mark: LAST[state], from, to: endedAt }];
  const started = startedAt === null ? {} : { from, to: startedAt };
  return [
    { label: "starting", mark: "done", ...started },
    { label: "running", mark: LAST[state], from: startedAt, to: endedAt },
  ];
}

/** The way of a session from its launch to its end, as far as it is known. */
export function stepsOf(session: Session): Step[] {
  const { state, createdAt, submittedAt, startedAt, endedAt, jobId, node } = session;
  const status = tellingStatus(session);
  const now = {
    mark: "now",
    note: status === undefined ? undefined : `“${status}”`,
    from: startOf(session),
  } as const;
  const starting: Step = { label: "starting", mark: "next" };
  const ready: Step = { label: "ready", mark: "next" };
  if (state === "submitted") {
    const queue: Step[] = ["queued", "node"].map((label) => ({ label, mark: "next" }));
    return [{ label: "submitted", ...now }, ...(isBatch(session) ? queue : []), starting, ready];
  }
  if (session.placement === "compute" && isEnded(state) && jobId === null && startedAt === null)
    return [{ label: "submitted", mark: LAST[state], from: createdAt, to: endedAt }];
  const submitted: Step = {
    label: "submitted",
    mark: "done",
    note: jobId === null || !isBatch(session) ? undefined : `job ${jobId}`,
    ...(submittedAt === null ? {} : { from: createdAt, to: submittedAt }),
  };
  const before: Step[] = [submitted, ...clusterSteps(session)];
  if (state === "queued") return [...before, starting, ready];
  if (state === "starting") return [...before, { ...starting, ...now }, ready];
  const left = isBatch(session) && isEnded(state) && startedAt === null && node === null;
  return left ? before : [...before, ...runSteps(session)];
}

function Time({ step, now }: { step: Step; now: number }): Child {
  const { from, to } = step;
  if (from === undefined || from === null) return null;
  return to === undefined || to === null ? <Elapsed at={from} now={now} /> : <span>{between(from, to)}</span>;
}

/** The steps of a session, one line each: mark, name, what it is at, how long it took. */
export const Steps = ({ session, now }: { session: Session; now: number }) => (
  <ol class="steps" aria-label="Steps">
    {stepsOf(session).map((step) => (
      <li data-mark={step.mark} data-step={step.label}>
        <svg viewBox="0 0 16 16" width="16" height="16" role="img" aria-label={MEANING[step.mark]}>
          <path
            d={ICONS[step.mark]}
            fill="none"
            stroke="currentColor"
            stroke-width="1.8"
            stroke-linecap="round"
          />
          {step.mark === "now" ? (
            <path d={step.label === "running" ? ICONS.now : HALF} fill="currentColor" />
          ) : null}
        </svg>
        <span class="step">{step.label}</span>
        <span class="note">{step.note}</span>
        <span class="took">
          <Time step={step} now={now} />
        </span>
      </li>
    ))}
  </ol>
);

import type { Child } from "hono/jsx";
import { isEnded, type Session } from "../../contract/session.ts";
import { tellingStatus } from "./session-list.tsx";
import { between, Elapsed } from "./time.tsx";

/** How far a step is: behind, under way, ahead, or where it ended badly. */
type Mark = "done" | "now" | "next" | "failed" | "stopped";

type Step = { label: string; mark: Mark; note?: string; from?: string; to?: string };

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

/** What a step that could not be finished ended as. */
const endMark = (session: Session): Mark => (session.state === "failed" ? "failed" : "stopped");

function queueStep(session: Session): Step[] {
  if (session.state === "queued") {
    const { position, reason } = session.queue;
    const note = [position === null ? "" : `place ${position}`, reason ?? ""].filter(Boolean).join(" · ");
    return [{ label: "queued", mark: "now", from: session.createdAt, ...(note === "" ? {} : { note }) }];
  }
  return session.jobId === null ? [] : [{ label: "queued", mark: "done", note: `job ${session.jobId}` }];
}

/** The way of a session from its launch to its end, as far as it is known. */
export function stepsOf(session: Session): Step[] {
  const { state, createdAt, startedAt, endedAt, node } = session;
  const status = tellingStatus(session);
  const where: Step[] = node === null ? [] : [{ label: "node", mark: "done", note: node }];
  const ready: Step = { label: "ready", mark: "next" };

  if (isEnded(state) || startedAt !== null) {
    const begun: Step[] = [{ label: "submitted", mark: "done" }, ...queueStep(session), ...where];
    const to = startedAt ?? endedAt;
    const starting: Step = {
      label: "starting",
      mark: startedAt === null ? endMark(session) : "done",
      from: createdAt,
      ...(to === null ? {} : { to }),
    };
    if (startedAt === null) return [...begun, starting];
    const over = isEnded(state);
    const running: Step = {
      label: "running",
      mark: over ? (state === "completed" ? "done" : endMark(session)) : "now",
      from: startedAt,
      ...(endedAt === null ? {} : { to: endedAt }),
    };
    return [...begun, starting, running];
  }
  const waits = status === undefined ? {} : { note: `“${status}”` };
  if (state === "submitted") {
    return [
      { label: "submitted", mark: "now", from: createdAt, ...waits },
      { label: "starting", mark: "next" },
      ready,
    ];
  }
  const submitted: Step = { label: "submitted", mark: "done" };
  if (state === "queued")
    return [submitted, ...queueStep(session), { label: "starting", mark: "next" }, ready];
  return [
    submitted,
    ...queueStep(session),
    ...where,
    { label: "starting", mark: "now", from: createdAt, ...waits },
    ready,
  ];
}

function Time({ step, now }: { step: Step; now: number }): Child {
  if (step.from === undefined) return null;
  return step.to === undefined ? (
    <Elapsed at={step.from} now={now} />
  ) : (
    <span>{between(step.from, step.to)}</span>
  );
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

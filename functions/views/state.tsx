import { isEnded, type Session, type SessionState } from "../../contract/session.ts";

/** What a session or a cluster looks like: its state, or what is in the way of knowing it. */
export type Look = SessionState | "canceling" | "not reachable" | "reachable" | "not asked yet";

const DASHED = { line: "M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11z", dashes: "1.9 2.42" } as const;
const FULL = { fill: "M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11z" } as const;

/** Outlines on a 16 by 16 grid: `line` is stroked, `fill` is filled, `dashes` breaks the line. */
const ICONS: Record<Look, { line?: string; fill?: string; dashes?: string }> = {
  submitted: DASHED,
  queued: DASHED,
  starting: {
    line: "M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11z",
    fill: "M8 2.5a5.5 5.5 0 0 0 0 11z",
  },
  running: FULL,
  completed: { line: "m3 8.7 3.2 3.3L13 4.5" },
  failed: { line: "m4 4 8 8M12 4l-8 8" },
  canceled: { line: "M3 8h10" },
  canceling: { line: "M3 8h10", dashes: "2 2" },
  "not reachable": {
    line: "M5.2 5.7C5.3 3.9 6.5 3 8 3s2.8 1 2.8 2.5C10.8 7.7 8 7.6 8 10",
    fill: "M8 11.9a1.1 1.1 0 1 1 0 2.2 1.1 1.1 0 0 1 0-2.2z",
  },
  reachable: FULL,
  "not asked yet": DASHED,
};

/** What to show of a session. An ended one is what it is, also while its workspace is away. */
export function lookOf(session: Pick<Session, "state" | "reachable" | "canceling">): Look {
  if (isEnded(session.state)) return session.state;
  if (!session.reachable) return "not reachable";
  return session.canceling ? "canceling" : session.state;
}

/** A state, everywhere in Berth: icon, word and colour, so that none of them is needed to read it. */
export function State({ look }: { look: Look }) {
  const { line, fill, dashes } = ICONS[look];
  return (
    <span class="state" data-look={look}>
      <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
        {line === undefined ? null : (
          <path
            d={line}
            fill="none"
            stroke="currentColor"
            stroke-width="1.8"
            {...(dashes === undefined ? { "stroke-linecap": "round" } : { "stroke-dasharray": dashes })}
          />
        )}
        {fill === undefined ? null : <path d={fill} fill="currentColor" />}
      </svg>
      {look}
    </span>
  );
}

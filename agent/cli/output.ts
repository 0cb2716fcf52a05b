import { isEnded, type Session } from "../../contract/session.ts";
import { spellWalltime } from "../../contract/walltime.ts";

/** Prints a value as JSON, for programs. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Prints rows in columns as wide as their widest cell, of which each is one line of plain text. */
export function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const all = [header, ...rows].map((row) => row.map(plain));
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  for (const row of all) {
    const line = row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
    process.stdout.write(`${line.trimEnd()}\n`);
  }
}

/**
 * Control characters in what a service or an edge says would steer the terminal; what turns the direction of text (Unicode,
 * Bidi_Control) would show another text than is there.
 */
export const plain = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]+/gu, " ");

/** The same for text of several lines. */
export const plainLines = (text: string): string => text.split("\n").map(plain).join("\n");

/** Why a session waits, its place, and when it may start: what of that the scheduler tells. */
function queueText({ reason, position, estimatedStart }: Session["queue"]): string[] {
  const parts = [
    reason === null ? undefined : plain(reason),
    position === null ? undefined : `place ${position}`,
    estimatedStart === null ? undefined : `may start at ${estimatedStart}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? [] : [parts.join(", ")];
}

/** Where a session runs: `workspace`, or the resource and its node. */
export function placeText({ placement, resource, node }: Session): string {
  const detail = node ?? (resource === null ? null : placement);
  return `${resource ?? placement}${detail === null ? "" : ` (${plain(detail)})`}`;
}

/** The job's number at its scheduler; null where there is none to ask for it. */
export const jobText = ({ placement, jobId }: Session): string | null =>
  placement === "compute" && jobId !== null ? plain(jobId) : null;

/** How long the scheduler leaves it, to the minute; null when there is no such end, or it is past. */
export function timeLeft({ endsAt, state }: Session, now: number): string | null {
  if (endsAt === null || isEnded(state)) return null;
  const minutes = Math.floor((Date.parse(endsAt) - now) / 60_000);
  return minutes < 0 ? null : spellWalltime(minutes * 60);
}

/** A session in words: its state, what that is due to, and what is in the way of knowing more. */
export function stateText(session: Session): string {
  const text = explainedState(session);
  return session.trouble === null ? text : `${text}; ${plain(session.trouble)}`;
}

function explainedState(session: Session): string {
  const state = session.reachable ? session.state : `${session.state} (not reachable)`;
  if (session.canceling) return `${state}, canceling`;
  if (session.state === "failed") return `${state}: ${plain(session.error.split("\n", 1)[0] ?? "")}`;
  if (session.state === "queued") return [state, ...queueText(session.queue)].join(": ");
  return session.state === "starting" ? `${state}: ${plain(session.status)}` : state;
}

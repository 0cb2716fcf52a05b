/** What became of one step of the gate. */
export type Outcome = {
  name: string;
  state: "passed" | "failed" | "skipped";
  /** Why it failed or was skipped, or a program's whole output; of any number of lines. */
  detail?: string;
};

export type Tally = Record<Outcome["state"], number>;

const MARK: Record<Outcome["state"], string> = { passed: "✓", failed: "✕", skipped: "–" };

/** One line about a step, and below it the detail of one that did not pass. */
export function spellOutcome({ name, state, detail }: Outcome, seconds?: number): string {
  const time = seconds === undefined ? "" : ` ${seconds.toFixed(1)} s`;
  const reason = state === "passed" || !detail ? "" : `\n${detail.trimEnd().replaceAll(/^/gm, "    ")}`;
  return `${MARK[state]} ${name}${time}${reason}\n`;
}

export function tallyOf(outcomes: readonly Outcome[]): Tally {
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const { state } of outcomes) tally[state] += 1;
  return tally;
}

/** The gate's last line. */
export const spellTally = ({ passed, failed, skipped }: Tally): string =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;

import { createInterface } from "node:readline/promises";
import { BerthError } from "../../contract/problem.ts";
import { type Approval, leave } from "../enrolment.ts";
import { hanging, widthOf } from "./hanging.ts";
import { plain } from "./output.ts";

/** Whether somebody sits at the terminal who can be asked. */
const isInteractive = (): boolean => process.stdin.isTTY && process.stderr.isTTY;

/**
 * Where nobody can be asked who it was, it must be known beforehand who is to approve.
 * @throws BerthError `invalid_request`
 */
export function mustKnowApprover(expected: string | undefined): void {
  if (expected !== undefined || isInteractive()) return;
  const message =
    "Cannot ask without a terminal whether the right one has approved: say by --user who is to, such as --user ana@example.org";
  throw new BerthError("invalid_request", message, { field: "user" });
}

/**
 * Makes sure that a machine comes to whom it is meant for, before anything is kept of it. Whoever has read the code over a
 * shoulder may have been faster with an account of their own (RFC 8628, section 5.5). What was given to somebody else's
 * machine is given back.
 * @param expected an email, a subject or a user's id; without it the person at the terminal is asked
 * @throws BerthError `wrong_approver`
 */
export async function checkApprover(
  approval: Approval,
  expected: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { name, account, user, edge } = approval;
  // The account first: a name may be anything, also somebody else's account.
  const who = `${plain(account ?? user)} (${plain(name)})`;
  const isRight = expected === undefined ? await confirmed(edge, who, signal) : isOf(approval, expected);
  if (isRight) return;
  const trouble = await leave(approval);
  signal.throwIfAborted();
  const found =
    expected === undefined ? `you have not confirmed ${who}` : `${who} approved it, not ${expected}`;
  const rest =
    trouble === undefined
      ? "It is revoked there, and nothing is kept here"
      : `Nothing is kept here, but it could not be revoked there: ${trouble}`;
  throw new BerthError("wrong_approver", `Cannot join ${edge.origin}: ${found}. ${rest}`);
}

/** An email is the same in whatever case it is written. A name is none of the three: anybody may have it. */
const isOf = ({ user, account }: Approval, expected: string): boolean =>
  expected === user ||
  expected === account ||
  (account?.includes("@") === true && account.toLowerCase() === expected.toLowerCase());

/** Asks at the terminal. What is neither yes nor no, such as a return pressed while waiting, is asked again. */
async function confirmed(edge: URL, who: string, signal: AbortSignal): Promise<boolean> {
  const stop = new AbortController();
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C, or the terminal was closed.
  for (const end of ["SIGINT", "close"]) terminal.once(end, () => stop.abort());
  const told = `Approved by ${who} at ${edge.origin}.\nWhatever they launch runs on this machine, in your name.`;
  process.stderr.write(`${hanging("  ", told, widthOf(process.stderr))}\n`);
  const options = { signal: AbortSignal.any([signal, stop.signal]) };
  try {
    for (;;) {
      const answer = (await terminal.question("  Is that you? (yes/no) ", options)).trim().toLowerCase();
      if (answer === "yes" || answer === "y") return true;
      if (answer === "no" || answer === "n") return false;
    }
  } catch {
    return false;
  } finally {
    terminal.close();
  }
}

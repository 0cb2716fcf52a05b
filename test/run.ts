import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { codeServerPath, provideCodeServer } from "./gate/code-server.ts";
import { endLeftovers, markedEnvironment } from "./gate/leftovers.ts";
import { meet, NEEDS, systemPath } from "./gate/needs.ts";
import { type Outcome, spellOutcome, spellTally, tallyOf } from "./gate/outcome.ts";
import { GATE, runSteps } from "./gate/steps.ts";
import { runSuites } from "./gate/suites.ts";

/**
 * `npm test`: the whole gate. Arguments go to vitest as filters of test files; the steps that a filter leaves out are named
 * and counted as skipped. The exit code is 0 when nothing failed, and the last line says how much was tried.
 */
const LONGEST_RUN = 60 * 60_000;

const filters = process.argv.slice(2);
const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => interrupt.abort(signal));
const deadline = setTimeout(() => interrupt.abort("too long"), LONGEST_RUN);

/** Takes what the tests write, so that an interrupted one leaves nothing. Short, since paths of sockets are limited. */
const temporary = await mkdtemp(join(tmpdir(), "gate-"));
const options = {
  signal: interrupt.signal,
  env: {
    ...markedEnvironment,
    TMPDIR: temporary,
    // vitest colours the logs of CI too, where nothing reads colours.
    NO_COLOR: process.stdout.isTTY ? undefined : "1",
    PATH: [systemPath(), codeServerPath()].join(delimiter),
  },
};
const outcomes: Outcome[] = [];
function report(...some: Outcome[]): void {
  outcomes.push(...some);
  for (const outcome of some) process.stdout.write(spellOutcome(outcome));
}

process.stdout.write("What the tests need\n");
report(...(await meet(NEEDS, options)), await provideCodeServer(options));

process.stdout.write("\nChecks\n");
if (filters.length === 0) outcomes.push(...(await runSteps(GATE, options)));
else {
  process.stdout.write("– none, because a filter was given\n");
  outcomes.push(...GATE.map(({ name }): Outcome => ({ name, state: "skipped" })));
}

process.stdout.write("\nTests\n");
outcomes.push(...(await runSuites(filters, join(temporary, "report.json"), options)));
const leftovers = await endLeftovers();
const kept = await rm(temporary, { recursive: true, force: true }).then(
  () => undefined,
  (error: unknown) => String(error),
);
clearTimeout(deadline);
if (kept !== undefined) report({ name: "the tests' files are deleted", state: "failed", detail: kept });
report(
  interrupt.signal.aborted
    ? { name: "the gate", state: "failed", detail: `It was interrupted: ${String(interrupt.signal.reason)}.` }
    : leftovers,
);

const notPassed = outcomes.filter(({ state }) => state !== "passed");
if (notPassed.length > 0) process.stdout.write("\nNot passed\n");
// The steps have told their reasons above; of the tests vitest has told most.
for (const { name, state } of notPassed) process.stdout.write(spellOutcome({ name, state }));
const tally = tallyOf(outcomes);
process.stdout.write(`\n${spellTally(tally)}\n`);
process.exitCode = tally.failed === 0 ? 0 : 1;

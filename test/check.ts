import { spellTally, tallyOf } from "./gate/outcome.ts";
import { CHECK, runSteps } from "./gate/steps.ts";

/** `npm run check`: the fast half of the gate. */
const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupt.abort());

const tally = tallyOf(await runSteps(CHECK, { signal: interrupt.signal }));
process.stdout.write(`${spellTally(tally)}\n`);
process.exitCode = tally.failed === 0 ? 0 : 1;

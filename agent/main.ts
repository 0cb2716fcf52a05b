import { BerthError, type ProblemCode } from "../contract/problem.ts";
import { hanging, widthOf } from "./cli/hanging.ts";
import { plainLines } from "./cli/output.ts";
import { EXIT_REFUSED } from "./exit-code.ts";
import { berthProgram } from "./program.ts";

/** By these the edge has said that it will not have this agent, however often it is started. */
const REFUSALS: ReadonlySet<ProblemCode> = new Set(["agent_refused", "agent_revoked", "protocol_mismatch"]);

/** What to do at a terminal, where the problem's own remedy speaks of requests. */
const REMEDIES: Partial<Record<ProblemCode, string>> = {
  invalid_request: "Correct it and run the command again; --help says what it takes.",
  invalid_input: "Correct the input and launch again.",
};

// Whoever reads has seen enough: `berth list | head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

try {
  await berthProgram().parseAsync();
} catch (error) {
  if (!(error instanceof BerthError) && !(error instanceof RangeError)) throw error;
  const remedy = error instanceof BerthError ? `\n${REMEDIES[error.code] ?? error.problem.remedy}` : "";
  const text = plainLines(`${error.message}${remedy}`);
  process.stderr.write(`${hanging("berth: ", text, widthOf(process.stderr))}\n`);
  process.exitCode = error instanceof BerthError && REFUSALS.has(error.code) ? EXIT_REFUSED : 1;
}

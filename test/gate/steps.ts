import { type Argv, run, type RunOptions } from "./command.ts";
import { type Outcome, spellOutcome } from "./outcome.ts";

export type Step = { name: string; argv: Argv; env?: Record<string, string> };

const quick: readonly Step[] = [
  { name: "format", argv: ["oxfmt", "--check"] },
  { name: "lint", argv: ["oxlint", "--type-aware", "--deny-warnings"] },
  { name: "types of the Node side", argv: ["tsc", "-p", "."] },
  { name: "types of the contract", argv: ["tsc", "-p", "contract"] },
  { name: "types of the Worker", argv: ["tsc", "-p", "functions"] },
  { name: "types of the console's scripts", argv: ["tsc", "-p", "functions/assets"] },
  { name: "types of the web shell's page", argv: ["tsc", "-p", "services/webshell/page"] },
  { name: "types of the Worker's tests", argv: ["tsc", "-p", "test/functions"] },
  { name: "types of the views' tests", argv: ["tsc", "-p", "test/views"] },
];

/** The fast half, `npm run check`: seconds, and no program that is not among the packages. */
export const CHECK: readonly Step[] = [
  ...quick,
  { name: "import arrows", argv: ["vitest", "run", "--project", "unit", "test/repository/imports.test.ts"] },
];

/** What `npm test` runs before the suites; the import arrows are in them. */
export const GATE: readonly Step[] = [
  ...quick,
  { name: "dead code", argv: ["knip", "--no-progress"] },
  {
    name: "deploy, without the last step",
    argv: ["wrangler", "deploy", "--dry-run"],
    env: { WRANGLER_SEND_METRICS: "false" },
  },
];

/** Runs the steps at once, and prints a line for each when it ends. */
export function runSteps(steps: readonly Step[], options: RunOptions): Promise<Outcome[]> {
  return Promise.all(
    steps.map(async ({ name, argv, env }) => {
      const started = performance.now();
      const { code, output } = await run(argv, { ...options, env: { ...options.env, ...env } });
      const outcome: Outcome =
        code === 0
          ? { name, state: "passed" }
          : { name, state: "failed", detail: `${argv.join(" ")}\n${output}` };
      process.stdout.write(spellOutcome(outcome, (performance.now() - started) / 1000));
      return outcome;
    }),
  );
}

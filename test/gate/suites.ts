import { glob, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { z } from "zod";
import { ROOT, run, type RunOptions } from "./command.ts";
import { type Outcome, tallyOf } from "./outcome.ts";

/** What vitest's JSON reporter writes, as far as it is read here. */
const Report = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.enum(["passed", "failed"]),
      message: z.string(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});
export type Report = z.infer<typeof Report>;

const STATE: Record<string, Outcome["state"]> = { passed: "passed", failed: "failed" };

/**
 * Counts the tests of a report, and beside them whatever else makes a run worthless: a file that failed as a whole, a file
 * that did not run, no test at all, an exit code that no failed test explains (a crash, an unhandled error).
 * @param code vitest's exit code
 * @param expected the test files that have to be in the report, absolute; none when a filter chose some
 */
export function countSuites(
  report: Report | undefined,
  code: number,
  expected: readonly string[],
): Outcome[] {
  if (report === undefined)
    return [{ name: "vitest", state: "failed", detail: `It ended with code ${code} and without a report.` }];
  const files = report.testResults;
  const outcomes = files.flatMap(({ name, status, message, assertionResults }): Outcome[] => {
    const file = relative(ROOT, name);
    const tests = assertionResults.map(({ fullName, status: end }): Outcome => {
      return { name: `${file}: ${fullName}`, state: STATE[end] ?? "skipped" };
    });
    const unexplained = status === "failed" && tests.every(({ state }) => state !== "failed");
    return unexplained ? [...tests, { name: file, state: "failed", detail: message }] : tests;
  });
  const ran = new Set(files.map(({ name }) => name));
  for (const file of expected.filter((one) => !ran.has(one)))
    outcomes.push({ name: relative(ROOT, file), state: "failed", detail: "It did not run." });
  if (outcomes.length === 0) outcomes.push({ name: "vitest", state: "failed", detail: "No test ran." });
  if (code !== 0 && tallyOf(outcomes).failed === 0)
    outcomes.push({ name: "vitest", state: "failed", detail: `It ended with code ${code}; see above.` });
  return outcomes;
}

async function testFiles(): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob("test/**/*.test.ts", { cwd: ROOT })) files.push(join(ROOT, file));
  return files;
}

/**
 * Runs vitest's projects, all of them in one run whose output streams, and returns what became of each test.
 * @param file where vitest puts its report
 */
export async function runSuites(
  filters: readonly string[],
  file: string,
  options: RunOptions,
): Promise<Outcome[]> {
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const { code } = await run(["vitest", "run", ...reporters, ...filters], { ...options, show: true });
  const text = await readFile(file, "utf8").catch(() => undefined);
  const report = text === undefined ? undefined : Report.parse(JSON.parse(text));
  return countSuites(report, code, filters.length > 0 ? [] : await testFiles());
}

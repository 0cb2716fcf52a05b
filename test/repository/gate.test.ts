import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { spellTally, tallyOf } from "../gate/outcome.ts";
import { countSuites, type Report } from "../gate/suites.ts";
import { ROOT } from "../support/repository-files.ts";

const FILE = join(ROOT, "test/a.test.ts");

function reportOf(file: Partial<Report["testResults"][number]>): Report {
  return { testResults: [{ name: FILE, status: "passed", message: "", assertionResults: [], ...file }] };
}
const endings = (...statuses: string[]) =>
  statuses.map((status, index) => ({ fullName: `test ${index}`, status }));

describe("the gate counts", () => {
  const count = (report: Report | undefined, code: number, expected: string[] = []): string =>
    spellTally(tallyOf(countSuites(report, code, expected)));

  it.each([
    [
      "each test as what it became",
      ["passed", "passed", "failed", "skipped", "todo"],
      1,
      "2 passed, 1 failed, 2 skipped",
    ],
    ["tests that pass", ["passed"], 0, "1 passed, 0 failed, 0 skipped"],
    ["an exit code that no test explains as a failure", ["passed"], 1, "1 passed, 1 failed, 0 skipped"],
  ])("%s", (_, statuses, code, tally) => {
    const status = statuses.includes("failed") ? "failed" : "passed";
    expect(count(reportOf({ status, assertionResults: endings(...statuses) }), code)).toBe(tally);
  });

  it("a file that fails before its first test as a failure", () => {
    expect(count(reportOf({ status: "failed", message: "SyntaxError" }), 1)).toBe(
      "0 passed, 1 failed, 0 skipped",
    );
  });

  it("a file that is in no project as a failure", () => {
    const report = reportOf({ assertionResults: endings("passed") });
    const strange = join(ROOT, "test/nowhere/b.test.ts");
    expect(count(report, 0, [FILE, strange])).toBe("1 passed, 1 failed, 0 skipped");
  });

  it("a run without any test, or without a report, as a failure", () => {
    expect(count({ testResults: [] }, 0)).toBe("0 passed, 1 failed, 0 skipped");
    expect(count(undefined, 134)).toBe("0 passed, 1 failed, 0 skipped");
  });
});

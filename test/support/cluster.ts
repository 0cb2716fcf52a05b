import type { TestContext } from "vitest";

/**
 * A hook for `beforeEach` of tests that bring up a cluster. Without root they are skipped, with a note that says so; with
 * CI=true they fail with the same words.
 */
export function needsCluster(): (context: TestContext) => void {
  const isRoot = process.getuid?.() === 0;
  const reason = "the test cluster needs root, for its namespaces; to run this: sudo npm test";
  return ({ skip }) => {
    if (!isRoot && process.env["CI"] === "true") throw new Error(reason);
    skip(!isRoot, reason);
  };
}

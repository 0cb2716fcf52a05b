import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, beforeEach, type TestContext } from "vitest";
import { Cluster, type ClusterOptions } from "../cluster/cluster.ts";
import { isHere } from "./requires.ts";

const PROGRAMS = ["slurmctld", "slurmd", "munged", "qsub", "sshd", "ssh", "ip", "nft", "nc"];
const ACCOUNTING = ["slurmdbd", "mariadbd", "mariadb"];

/** Why no cluster can be brought up here; undefined: one can. */
function obstacle({ accounting = false }: ClusterOptions): string | undefined {
  if (process.getuid?.() !== 0) return "the test cluster needs root; to run this: sudo npm test";
  const missing = [...PROGRAMS, ...(accounting ? ACCOUNTING : [])].filter((program) => !isHere(program));
  if (missing.length > 0) return `not on PATH: ${missing.join(", ")}; npm test installs them`;
  const { status } = spawnSync("unshare", ["--net", "--uts", "--mount", "true"]);
  return status === 0
    ? undefined
    : "root may not make namespaces here; to run this: a container with --privileged";
}

/**
 * A hook for `beforeEach` of tests that bring up a cluster. Where none can be they are skipped, with a note that says why;
 * with CI=true they fail with the same words.
 */
export function needsCluster(options: ClusterOptions = {}): (context: TestContext) => void {
  const reason = obstacle(options);
  return ({ skip }) => {
    if (reason !== undefined && process.env["CI"] === "true") throw new Error(reason);
    skip(reason !== undefined, reason);
  };
}

/**
 * One cluster for the tests of a file, or of a `describe`: up before the first and down after the last.
 * @returns what gives it to a test
 */
export function useCluster(options: ClusterOptions = {}): () => Cluster {
  const isPossible = obstacle(options) === undefined;
  let cluster: Cluster | undefined;
  beforeEach(needsCluster(options));
  // What is not up in time says so itself; a hook that is given up on leaves what it has begun.
  beforeAll(async () => {
    if (isPossible) cluster = await Cluster.up(options);
  }, 300_000);
  afterAll(() => cluster?.[Symbol.asyncDispose]());
  return () => {
    if (cluster === undefined)
      throw new Error("the cluster is not up: it is there from beforeAll to afterAll");
    return cluster;
  };
}

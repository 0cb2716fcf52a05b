import type { Shell } from "../../ssh/shell.ts";
import { CannotAsk } from "../../ssh/shell.ts";
import { ask } from "../ask.ts";

/**
 * Who answers to `qsub`: OpenPBS and PBS Professional, Torque, or SchedMD's scripts of the same names over Slurm.
 * They share words, and differ in options, formats and exit codes.
 */
export const PBS_DIALECTS = ["openpbs", "torque", "slurm"] as const;
export type PbsDialect = (typeof PBS_DIALECTS)[number];

/** What `qstat --version` says. SchedMD's script knows no such option, and Perl's Getopt::Long says so. */
const BANNERS: readonly (readonly [PbsDialect, RegExp])[] = [
  ["openpbs", /^pbs_version *=/m],
  ["torque", /^version: */im],
  ["slurm", /^Unknown option: version$/m],
];

/**
 * Which dialect is spoken there; no server is asked.
 * @throws CannotAsk when there is no `qstat`, or none of these
 */
export async function detectDialect(shell: Shell): Promise<PbsDialect> {
  const { code, stdout, stderr, said } = await ask(shell, ["qstat", "--version"]);
  const found = BANNERS.find(([, banner]) => banner.test(stdout) || banner.test(stderr));
  if (found === undefined)
    throw new CannotAsk(
      `"qstat --version" (exit ${code ?? "by a signal"}) tells no PBS: ${said || "no text"}`,
    );
  return found[0];
}

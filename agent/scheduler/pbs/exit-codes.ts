import { notReached } from "../slurm/command.ts";
import type { PbsDialect } from "./dialect.ts";

/**
 * What a command's exit tells.
 * `unreachable`: no server has judged, so that nothing follows. `refused`: it has, and says why.
 */
export type Outcome =
  | "done"
  | "unknown_job"
  | "finished"
  | "exiting"
  | "forbidden"
  | "node_down"
  | "usage"
  | "unreachable"
  | "refused";

type Codes = Readonly<Record<number, Outcome>>;

const all = (codes: readonly number[], outcome: Outcome): Codes =>
  Object.fromEntries(codes.map((code) => [code, outcome]));

/**
 * An exit code is a PBS error (pbs_error.h) modulo 256, or an errno: ENETUNREACH, ECONNRESET, ETIMEDOUT, ECONNREFUSED,
 * EHOSTUNREACH. 126 and 127 come from env, 255 from qstat itself.
 */
const NOT_ASKED = all([101, 104, 110, 111, 113, 126, 127, 255], "unreachable");

/** Torque's errors after 15007 stand two higher than OpenPBS's: 162 is SYSTEM in one and BADHOST in the other. */
const BOTH: Codes = { ...NOT_ASKED, 0: "done", 153: "unknown_job", 159: "forbidden" };

/** 160 BADHOST, 162 SYSTEM, 163 INTERNAL, 183 PROTOCOL, 185 NOCONNECTS, 186 NOSERVER. */
const OPENPBS: Codes = {
  ...BOTH,
  ...all([160, 162, 163, 183, 185, 186], "unreachable"),
  35: "finished",
};

/** 33: trqauthd is not running; 162 BADHOST, 164 SYSTEM, 165 INTERNAL, 185 PROTOCOL, 187 NOCONNECTS, 188 NOSERVER. */
const TORQUE: Codes = { ...BOTH, ...all([33, 162, 164, 165, 185, 187, 188], "unreachable") };

/** SchedMD's scripts end with Perl's codes and sbatch's, which tell little: words must. 153: qstat has found nothing. */
const SLURM: Codes = { 0: "done", 126: "unreachable", 127: "unreachable" };

type Program = "qstat" | "qsub" | "qdel";

const CODES: Record<PbsDialect, Record<Program, Codes>> = {
  openpbs: {
    qstat: { ...OPENPBS, 2: "usage" },
    qsub: OPENPBS,
    qdel: { ...OPENPBS, 168: "exiting", 222: "node_down" },
  },
  // To Torque a completed job and an exiting one are one thing: not in a state for it.
  torque: { qstat: TORQUE, qsub: TORQUE, qdel: { ...TORQUE, 170: "finished", 224: "node_down" } },
  slurm: { qstat: { ...SLURM, 153: "unknown_job" }, qsub: SLURM, qdel: SLURM },
};

/**
 * Reads how a command ended.
 * @param code null where a signal ended it
 * @param said what it printed: SchedMD's scripts tell some things in no other way
 */
export function outcomeOf(dialect: PbsDialect, program: Program, code: number | null, said: string): Outcome {
  if (code === null) return "unreachable";
  const known = CODES[dialect][program][code];
  if (known !== undefined) return known;
  if (dialect === "slurm" && notReached({ code, stdout: said, stderr: "", said })) return "unreachable";
  // It prints nothing of a job that has ended or that Slurm does not know.
  if (dialect === "slurm" && program === "qdel" && said === "") return "finished";
  // What a query answers with any other code is no word on a job.
  return program === "qstat" ? "unreachable" : "refused";
}

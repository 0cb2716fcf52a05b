import { error, type Finding } from "../finding.ts";
import { type Patient, type ResourceCheck, troubleFinding } from "./checks/check.ts";
import { bash, clock, connection, home, loginShell } from "./checks/host.ts";
import { nodeSsh } from "./checks/node-ssh.ts";
import { answers, programs } from "./checks/scheduler.ts";
import { tunnel } from "./checks/tunnel.ts";

/** What the doctor does now, or what was found. */
export type DoctorStep = { kind: "begin"; what: string } | { kind: "found"; finding: Finding };

/** Whether the host can be asked at all: what the others rest upon. */
export const CONTACT: readonly ResourceCheck[] = [connection, loginShell];
/** What sessions need of a cluster, its scheduler being known. */
export const NEEDS: readonly ResourceCheck[] = [bash, home, clock, programs, answers, tunnel, nodeSsh];

/**
 * Looks at a cluster, and says what it finds as it finds it. Never fails itself, but for
 * the signal's reason.
 */
export async function* diagnoseResource(
  patient: Patient,
  checks: readonly ResourceCheck[] = [...CONTACT, ...NEEDS],
): AsyncGenerator<DoctorStep> {
  for (const check of checks) {
    yield { kind: "begin", what: check.what };
    const findings = await examine(check, patient);
    for (const finding of findings) yield { kind: "found", finding };
    if (check.isVital === true && findings.some(({ level }) => level === "error")) return;
  }
}

async function examine({ what, examine: look }: ResourceCheck, patient: Patient): Promise<Finding[]> {
  try {
    return await look(patient);
  } catch (cause) {
    patient.signal.throwIfAborted();
    const { title, remedy } = troubleFinding(cause, patient);
    return [error(`${what} failed: ${title}`, remedy ?? "Try again.")];
  }
}

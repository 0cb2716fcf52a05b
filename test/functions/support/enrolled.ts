import { env } from "cloudflare:workers";
import type { EnrolledAgent } from "../../../contract/enrolment.ts";
import type { Person } from "../../../contract/person.ts";
import { partOf } from "../../../functions/workspace/parts.ts";
import { TestAgent } from "./agent.ts";

/** An agent's rights in somebody's workspace: the headers by which it is known, on the link and beside it. */
export type Enrolment = { id: string; headers: { authorization: string } };

export const FINGERPRINT = `SHA256:${"A".repeat(43)}`;

/** Enrols an agent in somebody's workspace, as an approval in the console does it; one that is there is replaced. */
export async function enrolment(somebody: Person, changes: Partial<EnrolledAgent> = {}): Promise<Enrolment> {
  const agents = partOf(env, somebody.id, "agents");
  const [other] = await agents.list();
  const enrollee = { host: "workspace", user: somebody.subject, version: "0.1.0", fingerprint: FINGERPRINT };
  const caller = { user: somebody.id, name: somebody.name, from: null, via: "console" } as const;
  const enrolled = await agents.enroll(
    somebody.id,
    { from: null, ...enrollee, ...changes },
    { replaces: other?.id ?? null, caller },
  );
  if (!enrolled.ok) throw new Error(enrolled.problem.detail);
  return { id: enrolled.value.id, headers: { authorization: `Bearer ${enrolled.value.token}` } };
}

/** Somebody's own agent: enrolled, connected and welcomed. */
export async function agentOf(
  somebody: Person,
  changes: Parameters<typeof TestAgent.connect>[0] = {},
): Promise<TestAgent> {
  return TestAgent.connect(changes, await enrolment(somebody));
}

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { EnrolledAgent } from "../../../contract/enrolment.ts";
import type { Person } from "../../../contract/person.ts";
import { partOf } from "../../../functions/workspace/parts.ts";
import { TestAgent } from "./agent.ts";
import type { Browser } from "./browser.ts";
import { ask, CONSOLE } from "./edge.ts";

/** An agent's rights in somebody's workspace: the headers by which it is known, on the link and beside it. */
export type Enrolment = { id: string; headers: { authorization: string } };

const FINGERPRINT = `SHA256:${"A".repeat(43)}`;

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

/** What the edge says to an agent's token on the link. */
export const askLink = ({ headers }: Pick<Enrolment, "headers">): Promise<Response> =>
  ask(`${CONSOLE}/agent/link`, { headers: { ...headers, upgrade: "websocket" } });

/** What it says beside the link: 404 to a token that counts, since there is no such stream. */
export const askStream = ({ headers }: Pick<Enrolment, "headers">): Promise<Response> =>
  ask(`${CONSOLE}/agent/streams/${"0".repeat(26)}`, { headers });

/** What somebody's account says of their agent. */
export const enrolledIn = async (browser: Browser): Promise<EnrolledAgent[]> =>
  EnrolledAgent.array().parse(await (await browser.go(`${CONSOLE}/api/agents`)).json());

export const workspaceOf = ({ id }: Person) => env.WORKSPACE.getByName(id);

/** The actions that the audit log of somebody's workspace has, in order. */
export const auditedIn = (somebody: Person): Promise<string[]> =>
  runInDurableObject(workspaceOf(somebody), (_object, { storage: { sql } }) =>
    sql
      .exec<{ action: string }>("SELECT action FROM audit ORDER BY seq")
      .toArray()
      .map(({ action }) => action),
  );

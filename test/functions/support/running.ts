import type { Session, SessionReport } from "../../../contract/session.ts";
import type { TestAgent } from "./agent.ts";
import { launch, sessionNamed } from "./edge.ts";
import { report } from "./samples.ts";

/** Launches a session, which the agent takes up and reports as running, unless told otherwise. */
export async function running(agent: TestAgent, changes: Partial<SessionReport> = {}): Promise<Session> {
  const { id } = await launch({ service: "notebook" });
  await agent.next("want");
  await agent.report(report(id, changes));
  return sessionNamed(id);
}

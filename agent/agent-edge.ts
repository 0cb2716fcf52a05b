import { BerthError } from "../contract/problem.ts";
import { type AgentToken, fixedToken, JoinedToken } from "./agent-token.ts";
import { type Config, isOwnEdge, readSecret } from "./config.ts";
import { readJoined } from "./joined.ts";

/** Where an agent dials, and what it shows there. */
export type AgentEdge = { edge: URL; token: AgentToken };

/**
 * The edge of this workspace's agent: the one that was joined, unless the environment names another; then this machine's
 * own. A token goes to the edge that gave it, and to no other.
 * @throws BerthError `not_joined`, `no_token` where there is none for the edge
 */
export async function agentEdge(config: Config): Promise<AgentEdge> {
  const { home, edge, isEdgeNamed } = config;
  const joined = await readJoined(home);
  if (joined !== undefined && (!isEdgeNamed || edge.origin === joined.edge.origin))
    return { edge: joined.edge, token: new JoinedToken(home, joined) };
  if (!isOwnEdge(config, edge))
    throw new BerthError("not_joined", `this machine is no workspace of ${edge.origin}`);
  const token = await readSecret(home, "agentToken");
  if (token === undefined) throw new BerthError("no_token", `no agent token is in ${home}`);
  return { edge, token: fixedToken(token) };
}

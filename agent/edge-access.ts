import { BerthError } from "../contract/problem.ts";
import { type Config, isOwnEdge, readSecret } from "./config.ts";
import { readEdgeFile } from "./edge-file.ts";
import { readEdgeToken } from "./edge-token.ts";

/** Which edge the command line asks, and what it shows there. */
export type EdgeAccess = {
  edge: URL;
  token: string;
  /** Where the token is from: the environment, `berth login`, or the local instance. */
  by: "environment" | "login" | "instance";
};

/** The edge of the environment, else that of `berth login` or `berth join`, else this machine's own. */
export const edgeOf = async (config: Config): Promise<URL> =>
  config.isEdgeNamed ? config.edge : ((await readEdgeFile(config.home))?.url ?? config.edge);

/**
 * Finds the token for the edge that is meant. A token that is kept here is shown to the edge that made it, and to no other:
 * the local instance's to this machine's own edge, that of `berth login` to where the login was.
 * @throws BerthError `no_token` when there is none
 */
export async function edgeAccess(config: Config): Promise<EdgeAccess> {
  const edge = await edgeOf(config);
  if (config.token !== undefined) return { edge, token: config.token, by: "environment" };
  const kept = await readEdgeToken(config.home, edge);
  if (kept !== undefined) return { edge, token: kept, by: "login" };
  const own = isOwnEdge(config, edge) ? await readSecret(config.home, "token") : undefined;
  if (own !== undefined) return { edge, token: own, by: "instance" };
  throw new BerthError("no_token", `no token for ${edge.origin} is in ${config.home}`);
}

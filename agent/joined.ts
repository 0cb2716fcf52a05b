import { rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { BerthError } from "../contract/problem.ts";
import { parseEdge } from "./edge-file.ts";
import { readPrivateFile, writePrivateFile } from "./private-file.ts";

/** An edge, and the token that it has given this agent: one file, so that no other edge is ever shown it. */
const Joined = z.object({ edge: z.string(), token: z.string(), name: z.string() });
export type Joined = { edge: URL; token: string; /** Whose workspace it is. */ name: string };

const pathOf = (home: string): string => join(home, "joined.json");

/**
 * The edge that this workspace has joined, from `BERTH_HOME/joined.json`; undefined when there is none.
 * @throws BerthError `invalid_request` for a file that says something else
 */
export async function readJoined(home: string): Promise<Joined | undefined> {
  const path = pathOf(home);
  const text = await readPrivateFile(path);
  if (text === undefined) return undefined;
  try {
    const { edge, token, name } = Joined.parse(JSON.parse(text));
    return { edge: parseEdge(edge), token, name };
  } catch (cause) {
    const message = `Cannot read ${path}: it is not what berth join writes. Delete it, and join again`;
    throw new BerthError("invalid_request", message, { cause });
  }
}

/** Keeps what the enrolment gave. */
export const writeJoined = (home: string, { edge, token, name }: Joined): Promise<void> =>
  writePrivateFile(pathOf(home), `${JSON.stringify({ edge: edge.origin, token, name })}\n`);

export const removeJoined = (home: string): Promise<void> => rm(pathOf(home), { force: true });

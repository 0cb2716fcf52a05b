import { rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { BerthError } from "../contract/problem.ts";
import { readPrivateFile, writePrivateFile } from "./private-file.ts";

/** An API token and the edge that made it: one file, so that no other edge is ever shown it. */
const EdgeToken = z.object({ edge: z.string(), token: z.string() });

const pathOf = (home: string): string => join(home, "edge-token.json");

/**
 * The API token for an edge elsewhere, from `BERTH_HOME/edge-token.json`; undefined where there is none for this very edge.
 * @throws BerthError `invalid_request` for a file that says something else
 */
export async function readEdgeToken(home: string, edge: URL): Promise<string | undefined> {
  const path = pathOf(home);
  const text = await readPrivateFile(path);
  if (text === undefined) return undefined;
  try {
    const kept = EdgeToken.parse(JSON.parse(text));
    return kept.edge === edge.origin ? kept.token : undefined;
  } catch {
    // Without the cause, which quotes what is in the file.
    const message = `Cannot read ${path}: it is not what berth login writes. Delete it, and log in again`;
    throw new BerthError("invalid_request", message);
  }
}

/** Keeps the token that `berth login` was given, in the place of another edge's. */
export const writeEdgeToken = (home: string, edge: URL, token: string): Promise<void> =>
  writePrivateFile(pathOf(home), `${JSON.stringify({ edge: edge.origin, token })}\n`);

export const removeEdgeToken = (home: string): Promise<void> => rm(pathOf(home), { force: true });

import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { BerthError } from "../contract/problem.ts";

/**
 * Whether what goes to a host stays on this machine. A browser takes every `*.localhost` for it, a resolver need not
 * (RFC 6761, section 6.3).
 */
export const isLoopback = (hostname: string): boolean =>
  /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);

/**
 * The origin of an edge, from what somebody typed: `https://` may be left out. A token is never sent in the clear, so plain
 * HTTP is for this machine alone.
 * @throws BerthError `invalid_request`
 */
export function parseEdge(text: string): URL {
  const typed = text.trim();
  const url = URL.parse(/^[a-z][a-z\d+.-]*:\/\//i.test(typed) ? typed : `https://${typed}`);
  const refuse = (why: string): BerthError =>
    new BerthError("invalid_request", `Cannot use the edge "${text}": ${why}`, { field: "edge" });
  if (url === null) throw refuse("it is no address; write it as https://berth.example.org");
  if (url.username !== "" || url.password !== "") throw refuse("leave the user name and password out");
  if (url.protocol === "http:" && !isLoopback(url.hostname)) throw refuse("use https");
  if (url.protocol !== "https:" && url.protocol !== "http:") throw refuse("use https");
  return new URL(url.origin);
}

const EdgeFile = z.object({ url: z.string() });

const pathOf = (home: string): string => join(home, "edge.json");

/**
 * The edge elsewhere that this machine uses, from `BERTH_HOME/edge.json`; undefined where it has its own.
 * @throws BerthError `invalid_request` for a file that says something else
 */
export async function readEdgeFile(home: string): Promise<{ url: URL } | undefined> {
  const path = pathOf(home);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return { url: parseEdge(EdgeFile.parse(JSON.parse(text)).url) };
  } catch (cause) {
    const message = `Cannot read ${path}: it names no edge. Delete it, or run berth login again`;
    throw new BerthError("invalid_request", message, { cause });
  }
}

/** Says which edge this machine uses. The file is there as a whole or not at all. */
export async function writeEdgeFile(home: string, url: URL): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const path = pathOf(home);
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify({ url: url.origin })}\n`, { mode: 0o600 });
  await rename(draft, path);
}

/** This machine uses its own edge again. */
export async function removeEdgeFile(home: string): Promise<void> {
  await rm(pathOf(home), { force: true });
}

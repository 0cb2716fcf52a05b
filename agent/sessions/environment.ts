import { basename, delimiter, join } from "node:path";
import type { SessionId } from "../../contract/ids.ts";
import { addedNames } from "../allocator.ts";
import { SESSION_VARIABLE } from "../process-tree.ts";

/** Set by Berth, by npm around `npm start`, and by the tools that deploy an edge: none of a service's business. */
const OURS = /^(BERTH_|npm_|CLOUDFLARE_|WRANGLER_|MINIFLARE_)|^(INIT_CWD|NODE|COLOR|PWD|OLDPWD|SHLVL|_)$/;

const ROOT = join(import.meta.dirname, "../..");

/** What npm puts before the user's own PATH: its own tools, and the programs of this package and of the folders above. */
function isNpms(directory: string): boolean {
  if (basename(directory) === "node-gyp-bin") return true;
  const [, owner] = /^(.*)\/node_modules\/\.bin\/?$/.exec(directory) ?? [];
  return owner !== undefined && `${ROOT}/`.startsWith(`${owner}/`);
}

/** Where a session's programs are searched for: the user's PATH, as it is without Berth. */
export const userPath = (own: NodeJS.ProcessEnv): string =>
  (own["PATH"] ?? "")
    .split(delimiter)
    .filter((directory) => !isNpms(directory))
    .join(delimiter);

/**
 * The environment of a session's process: the agent's, which is the user's (services need their modules, conda, proxies
 * and licence servers), without what Berth and npm added to it, and with the session's id.
 */
export function sessionEnvironment(own: NodeJS.ProcessEnv, id: SessionId): NodeJS.ProcessEnv {
  const added = addedNames(own);
  const kept = Object.entries(own).filter(([name]) => !OURS.test(name) && !added.has(name));
  return { ...Object.fromEntries(kept), PATH: userPath(own), [SESSION_VARIABLE]: id };
}

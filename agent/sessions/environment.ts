import { basename, delimiter } from "node:path";
import type { SessionId } from "../../contract/ids.ts";
import { SESSION_VARIABLE } from "../process-tree.ts";

/** Set by Berth, by npm around `npm start`, and by the tools that deploy an edge: none of a service's business. */
const OURS = /^(BERTH_|npm_|CLOUDFLARE_|WRANGLER_|MINIFLARE_)|^(INIT_CWD|NODE|COLOR|PWD|OLDPWD|SHLVL|_)$/;

/** What npm puts before the user's own PATH. */
const isNpms = (directory: string): boolean =>
  directory.endsWith("/node_modules/.bin") || basename(directory) === "node-gyp-bin";

/**
 * The environment of a session's process: the agent's, which is the user's (services need their modules, conda, proxies
 * and licence servers), without what Berth and npm added to it, and with the session's id.
 */
export function sessionEnvironment(own: NodeJS.ProcessEnv, id: SessionId): NodeJS.ProcessEnv {
  const kept = Object.entries(own).filter(([name]) => !OURS.test(name));
  const path = (own["PATH"] ?? "").split(delimiter).filter((directory) => !isNpms(directory));
  return { ...Object.fromEntries(kept), PATH: path.join(delimiter), [SESSION_VARIABLE]: id };
}

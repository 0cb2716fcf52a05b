import type { DurableObjectStub } from "@cloudflare/workers-types";
import type { Workspace } from "../workspace/workspace.ts";
import { randomToken, sha256 } from "./token.ts";

/** What a one-time code opens: the console, or the sessions' host on behalf of a browser that has the console. */
export type CodePurpose = "login" | "enter";

/** A login link is typed or clicked by a person; a hand-over follows at once. Milliseconds. */
const LIFETIME: Record<CodePurpose, number> = { login: 600_000, enter: 30_000 };

type Codes = Pick<DurableObjectStub<Workspace>, "addCode" | "takeCode">;

/** Makes a code that works once. Only its hash is kept. */
export async function issueCode(codes: Codes, purpose: CodePurpose): Promise<string> {
  const code = randomToken();
  await codes.addCode(await sha256(code), purpose, LIFETIME[purpose]);
  return code;
}

/** True the first time that a code is shown within its lifetime. */
export async function takeCode(
  codes: Codes,
  purpose: CodePurpose,
  code: string | undefined,
): Promise<boolean> {
  return code !== undefined && code !== "" && codes.takeCode(await sha256(code), purpose);
}

/** A path on this host to return to, or `/`: never another host, whatever the browser makes of the text. */
export function safeReturn(path: string | undefined): string {
  return path !== undefined && /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(path) ? path : "/";
}

import { z } from "zod";
import { UserId } from "../../contract/person.ts";
import { open, sign } from "./signed.ts";
import { randomToken, sha256 } from "./token.ts";

/** A login link is typed or clicked by a person; a hand-over follows at once. Milliseconds. */
export const CODE_LIFETIME = { login: 600_000, enter: 30_000 } as const;

const Content = z.object({ user: UserId, nonce: z.string() });

/** Makes the text of a one-time code, which says in whose workspace it is kept (workspace/codes.ts). */
export const makeCode = (secrets: string, user: UserId): Promise<string> =>
  sign(secrets, "code", { user, nonce: randomToken() });

/** In whose workspace a code would be; undefined for what this edge has not made. */
export async function userOfCode(secrets: string, code: string | undefined): Promise<UserId | undefined> {
  if (code === undefined) return undefined;
  return Content.safeParse(await open(secrets, "code", code)).data?.user;
}

export const codeHash = (code: string): Promise<string> => sha256(code);

/** A path on this host to return to, or `/`: never another host, whatever the browser makes of the text. */
export function safeReturn(path: string | undefined): string {
  return path !== undefined && /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(path) ? path : "/";
}

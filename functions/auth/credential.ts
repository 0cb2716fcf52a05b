import { z } from "zod";
import { UserId } from "../../contract/person.ts";
import { open, sign } from "./signed.ts";
import { randomToken } from "./token.ts";

/** A bearer token of Berth's: of a program that acts for a user, or of a user's agent. */
export type CredentialKind = "api" | "agent";

/** What such a token begins with: a search for leaked secrets finds it by that. */
const PREFIX = { api: "berth_api_", agent: "berth_agent_" } as const;
const PURPOSE = { api: "api-token", agent: "agent-token" } as const;

/** Whose it is and which: `id` names it in that user's workspace, where its hash is. `nonce` makes each a secret. */
const Content = z.object({ user: UserId, id: z.string(), nonce: z.string() });

export type Credential = { kind: CredentialKind; user: UserId; id: string };

/** Makes a token that names its user, so that no directory is asked whose it is. To be shown once, and kept as a hash. */
export async function makeCredential(secrets: string, { kind, user, id }: Credential): Promise<string> {
  const text = await sign(secrets, PURPOSE[kind], { user, id, nonce: randomToken() });
  return PREFIX[kind] + text;
}

/** Whose token it is; undefined for what this edge has not made. Whether it still counts, the workspace knows. */
export async function readCredential(
  secrets: string,
  kind: CredentialKind,
  token: string,
): Promise<Credential | undefined> {
  if (!token.startsWith(PREFIX[kind])) return undefined;
  const content = Content.safeParse(await open(secrets, PURPOSE[kind], token.slice(PREFIX[kind].length)));
  return content.success ? { kind, user: content.data.user, id: content.data.id } : undefined;
}

/** The token of an `Authorization: Bearer` value (RFC 6750). */
export function bearerOf(authorization: string | null): string | undefined {
  return authorization === null ? undefined : /^bearer +([\w.~+/=-]+)$/i.exec(authorization.trim())?.[1];
}

/** True when a text holds a token of Berth's, wherever in it. */
export const holdsCredential = (text: string): boolean => /berth_(?:api|agent)_[\w-]+\./i.test(text);

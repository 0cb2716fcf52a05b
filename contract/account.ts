import { z } from "zod";
import { Person, Role, Scope, SCOPES, UserId } from "./person.ts";

/** Longer ago, or more of them, than anybody keeps apart. */
export const LONGEST_NAME = 80;
export const LONGEST_LIFE_DAYS = 3650;

/** What a token may do, whatever was ticked: whoever launches also looks, and so does an operator. */
export const impliedScopes = (scopes: readonly Scope[]): Scope[] =>
  SCOPES.filter((scope) => scope === "read" || scopes.includes(scope));

/** Who asks, and what they may do. */
export const Me = z.object({
  user: UserId,
  name: z.string(),
  email: Person.shape.email,
  role: Role,
  /** What this very caller may do: a token less than its user. */
  scopes: z.array(Scope),
  /** How people log in to this edge: by a one-time link, OpenID Connect, or the access proxy in front. */
  login: z.enum(["link", "oidc", "header"]),
  /** The token that asks; null for a browser, and for the token of a local instance. */
  token: z.object({ id: z.string(), name: z.string() }).nullable(),
});
export type Me = z.infer<typeof Me>;

/** An API token, but for the token itself. */
export const ApiToken = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(Scope),
  createdAt: z.iso.datetime(),
  /** To the minute; null: never. */
  usedAt: z.iso.datetime().nullable(),
  /** When it ends, or has ended; null: never. */
  expiresAt: z.iso.datetime().nullable(),
});
export type ApiToken = z.infer<typeof ApiToken>;

/** What makes a token. */
export const NewToken = z.strictObject({
  name: z
    .string()
    .trim()
    .min(1, "must not be empty")
    .max(LONGEST_NAME, `may have at most ${LONGEST_NAME} characters`)
    .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u, "must not have control characters"),
  scopes: z.array(Scope).min(1, "must have at least one"),
  /** Without it the token does not end by itself. */
  expiresInDays: z.int().min(1).max(LONGEST_LIFE_DAYS).optional(),
});
export type NewToken = z.infer<typeof NewToken>;

/** The one answer in which a token stands. */
export const CreatedToken = ApiToken.extend({ token: z.string() });
export type CreatedToken = z.infer<typeof CreatedToken>;

/** A browser that is logged in. */
export const BrowserLogin = z.object({
  id: z.string(),
  /** It is the one that asks. */
  current: z.boolean(),
  /** What it calls itself: its User-Agent. */
  agent: z.string(),
  /** The address from which it logged in; null where none is known. */
  from: z.string().nullable(),
  createdAt: z.iso.datetime(),
  /** To the minute. */
  usedAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
});
export type BrowserLogin = z.infer<typeof BrowserLogin>;

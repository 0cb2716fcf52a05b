import { z } from "zod";

/**
 * A user's id: `u` and 20 characters of base 32, a hash of who the identity provider says it is; so it is known without
 * asking anybody. `local` is the one user of an instance on one's own machine.
 */
export const UserId = z
  .string()
  .regex(/^(?:local|u[0-9a-hjkmnp-tv-z]{20})$/, "must be a user's id")
  .brand<"UserId">();
export type UserId = z.infer<typeof UserId>;

export const LOCAL_USER = "local" as UserId;

/** What somebody may do: a user with their own sessions, an operator with everybody's. */
export const Role = z.enum(["user", "operator"]);
export type Role = z.infer<typeof Role>;

/**
 * What an API token opens: `read` shows, `launch` also launches, cancels and opens applications, `operator` also what
 * operators may do.
 */
export const SCOPES = ["read", "launch", "operator"] as const;
export const Scope = z.enum(SCOPES);
export type Scope = z.infer<typeof Scope>;

/** A user, as the identity provider last described them. */
export const Person = z.object({
  id: UserId,
  /** Who says so: the OpenID issuer; `local` on one's own machine. */
  issuer: z.string(),
  /** The issuer's own name for them, which never changes: what the platform's webhooks call them. */
  subject: z.string(),
  name: z.string(),
  email: z.string().nullable(),
  groups: z.array(z.string()),
  role: Role,
});
export type Person = z.infer<typeof Person>;

/** What is one person's alone, and known to people: the email that the identity provider vouches for, or else its subject. */
export const accountOf = ({ email, subject }: Pick<Person, "email" | "subject">): string => email ?? subject;

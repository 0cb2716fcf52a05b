import { z } from "zod";
import { SessionState } from "./session.ts";

/**
 * What a guest may do: `view` looks, by requests that are to change nothing (RFC 9110, section 9.2.1) and without
 * WebSockets; `use` is everything that the owner can do in the application.
 */
export const SHARE_MODES = ["view", "use"] as const;
export const ShareMode = z.enum(SHARE_MODES);
export type ShareMode = z.infer<typeof ShareMode>;

const named = z
  .string()
  .trim()
  .min(1, "must not be empty")
  .max(255)
  // Not a regex of the schema: in JSON Schema a pattern has no flags.
  .refine((text) => !/\p{Cc}/u.test(text), "must not hold control characters");

/**
 * With whom: one user, as the identity provider names them, by their email or by the subject that never changes; or
 * everybody whom the identity provider counts to a group when they enter.
 */
export const ShareWith = z.union(
  [
    z.strictObject({ kind: z.literal("user"), email: named }),
    z.strictObject({ kind: z.literal("user"), subject: named }),
    z.strictObject({ kind: z.literal("group"), name: named }),
  ],
  "must name a user by email or subject, or a group by name",
);
export type ShareWith = z.infer<typeof ShareWith>;

/** Whom a share is for, in words. */
export function spellWith(whom: ShareWith): string {
  if (whom.kind === "group") return `group ${whom.name}`;
  return "email" in whom ? whom.email : whom.subject;
}

const DAY_MS = 86_400_000;
/** A share ends after this long at the latest, and after this long unless told otherwise. Milliseconds. */
export const SHARE_LONGEST = 30 * DAY_MS;
export const SHARE_DEFAULT = DAY_MS;

/** The body of `POST /api/sessions/{id}/shares`. */
export const ShareRequest = z.strictObject({
  with: ShareWith,
  mode: ShareMode.default("view"),
  /** At most 30 days from now; without it one day. The session's end is the share's, too. */
  endsAt: z.iso.datetime({ offset: true }).optional(),
});
export type ShareRequest = z.infer<typeof ShareRequest>;

/** A share as the API shows it to the session's owner. */
export const Share = z.object({
  id: z.string(),
  session: z.string(),
  with: ShareWith,
  mode: ShareMode,
  createdAt: z.iso.datetime(),
  endsAt: z.iso.datetime(),
  /** The link for the guests. It is no secret: whoever follows it logs in as themselves. */
  url: z.string(),
  /** Who has entered, by the name that the identity provider has for them. */
  guests: z.array(z.string()),
});
export type Share = z.infer<typeof Share>;

/** A session that somebody else shares with whoever asks. */
export const SharedSession = z.object({
  session: z.string(),
  name: z.string(),
  service: z.string(),
  state: SessionState,
  /** Whose it is, by the name that the identity provider has for them. */
  owner: z.string(),
  mode: ShareMode,
  /** False while the owner's workspace is away: the state is then the last that was known. */
  reachable: z.boolean(),
  sharedAt: z.iso.datetime(),
  endsAt: z.iso.datetime(),
  /** Where it opens. */
  url: z.string(),
});
export type SharedSession = z.infer<typeof SharedSession>;

/** What is shared with whoever asks, the last shared first. */
export const SharedWithMe = z.object({
  sessions: z.array(SharedSession),
  /** False: somebody's workspace could not be asked, and there may be more. */
  complete: z.boolean(),
});
export type SharedWithMe = z.infer<typeof SharedWithMe>;

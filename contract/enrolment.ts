import { z } from "zod";
import { UserId } from "./person.ts";

/*
 * How an agent comes to its user's workspace: a device flow after RFC 8628. The agent asks, a person approves in the
 * console, the agent collects its token. Beyond that RFC each poll is signed, so that the device code alone opens nothing.
 */

/** One line of what a machine says of itself: shown to a person, who decides by it. */
export const line = (length: number) =>
  z
    .string()
    .min(1)
    .max(length)
    // What turns or hides text would show another name than is there (Unicode, default ignorable code points).
    .regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u, "must be one line of visible text");

/** An ed25519 public key: its 32 bytes (RFC 8032, section 5.1.5) in base64url. */
export const AgentKey = z.base64url().length(43);

/** The SHA-256 fingerprint of an SSH key, as `ssh-keygen -l` spells it. */
export const Fingerprint = z.string().regex(/^SHA256:[A-Za-z0-9+/]{43}$/);

/** Who wants to join: `POST /enroll/start`. */
export const EnrolmentRequest = z.strictObject({
  host: line(255),
  user: line(64),
  version: line(32),
  protocol: z.int(),
  key: AgentKey,
});
export type EnrolmentRequest = z.infer<typeof EnrolmentRequest>;

/** Letters of a code that a person types (RFC 8628, section 6.1): no vowels, so no words; nothing that looks like another. */
export const CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ";
/** `XXXX-XXXX`, as it is shown. */
export const UserCode = z.string().regex(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);

/** What a person has typed, spelled as the code is: case, spaces and dashes do not matter. Undefined when it is none. */
export function readUserCode(typed: string): string | undefined {
  const letters = typed.toUpperCase().replaceAll(/[\s\p{Pd}]+/gu, "");
  return UserCode.safeParse(`${letters.slice(0, 4)}-${letters.slice(4)}`).data;
}

/** The answer to it (RFC 8628, section 3.2). Spans in seconds. */
export const EnrolmentStart = z.object({
  deviceCode: z.string(),
  userCode: UserCode,
  verificationUrl: z.url(),
  /** The same with the code filled in. */
  verificationUrlComplete: z.url(),
  expiresIn: z.int(),
  interval: z.number(),
});
export type EnrolmentStart = z.infer<typeof EnrolmentStart>;

/** `POST /enroll/poll`. `turn` grows with each, so that an overheard poll is of no use; `proof` signs `pollText`. */
export const EnrolmentPoll = z.strictObject({
  deviceCode: z.string().max(200),
  turn: z.int().positive(),
  proof: z.base64url().length(86),
});
export type EnrolmentPoll = z.infer<typeof EnrolmentPoll>;

/** What the agent's key signs. It names the edge: what one edge is told is no proof to another. */
export const pollText = (edgeHost: string, deviceCode: string, turn: number): string =>
  `berth enrolment\n${edgeHost}\n${deviceCode}\n${turn}`;

/** How the enrolment stands (RFC 8628, section 3.5). After `approved`, which is said once, it is `expired`. */
export const EnrolmentState = z.discriminatedUnion("status", [
  z.object({ status: z.literal("pending") }),
  /** Asked too soon: wait `interval` seconds from now on. */
  z.object({ status: z.literal("slow_down"), interval: z.number() }),
  z.object({ status: z.literal("denied"), reason: z.string() }),
  z.object({ status: z.literal("expired") }),
  z.object({
    status: z.literal("approved"),
    token: z.string(),
    user: UserId,
    /** Who has approved, as the console calls them: of that name there may be others. */
    name: z.string(),
    /** The same as `accountOf` spells it; an older edge does not say. */
    account: z.string().optional(),
  }),
]);
export type EnrolmentState = z.infer<typeof EnrolmentState>;

/** An enrolled agent, as its owner sees it. Times in milliseconds since 1970. */
export const EnrolledAgent = z.object({
  id: z.string(),
  host: z.string(),
  user: z.string(),
  version: z.string(),
  fingerprint: Fingerprint,
  /** From where it was enrolled; null where no address is known. */
  from: z.string().nullable(),
  created: z.int(),
  /** When it last said hello; null: never. */
  seen: z.int().nullable(),
  /** When its present token was made. */
  rotated: z.int(),
});
export type EnrolledAgent = z.infer<typeof EnrolledAgent>;

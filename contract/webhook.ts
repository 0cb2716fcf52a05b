import { z } from "zod";
import { LaunchRequest, Session } from "./session.ts";

/** The user whom a message is about, as the identity provider names them: its subject; `local` on one's own machine. */
const Subject = z.string().min(1).max(255);

const message = <Type extends string, Data extends z.ZodType>(type: Type, data: Data) =>
  z.object({ type: z.literal(type), timestamp: z.iso.datetime({ offset: true }), data });

/** What the platform asks for: the body of `POST /webhooks/platform`. */
export const PlatformCall = z.discriminatedUnion("type", [
  message("session.launch", LaunchRequest.extend({ user: Subject })),
  message(
    "session.cancel",
    z.strictObject({ user: Subject, id: z.string().min(1).max(64), reason: z.string().max(500).optional() }),
  ),
  message("session.status", z.strictObject({ user: Subject, id: z.string().min(1).max(64).optional() })),
]);
export type PlatformCall = z.infer<typeof PlatformCall>;

/** A session as the platform is told of it: without its address, which may hold what opens the application. */
export const EventSession = Session.omit({ url: true, slug: true, reachable: true });
export type EventSession = z.infer<typeof EventSession>;

export const EVENT_TYPES = ["session.updated", "session.ready", "session.failed", "session.ended"] as const;
export const EventType = z.enum(EVENT_TYPES);
export type EventType = z.infer<typeof EventType>;

/** What the platform is told; README.md says when. `timestamp` is when it happened, however late it arrives. */
export const SessionEvent = z.object({
  type: EventType,
  timestamp: z.iso.datetime(),
  data: z.object({ user: Subject, session: EventSession }),
});
export type SessionEvent = z.infer<typeof SessionEvent>;

import { z } from "zod";

/** An agent that the edge has refused because it speaks another protocol, and which of the two is the older. */
export const Mismatch = z.object({
  /** The agent's own version; null when it said none. */
  version: z.string().nullable(),
  protocol: z.int(),
  edgeProtocol: z.int(),
  upgrade: z.enum(["agent", "edge"]),
});
export type Mismatch = z.infer<typeof Mismatch>;

/** The agent as the edge knows it. Null: no agent has ever connected. */
export const AgentStatus = z.object({
  online: z.boolean(),
  host: z.string().nullable(),
  user: z.string().nullable(),
  version: z.string().nullable(),
  /** The agent that was refused last, unless one has connected since. */
  mismatch: Mismatch.nullable(),
});
export type AgentStatus = z.infer<typeof AgentStatus>;

/** A link that logs one browser in, once. */
export const LoginLink = z.object({ url: z.url() });
export type LoginLink = z.infer<typeof LoginLink>;

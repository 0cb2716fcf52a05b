import { z } from "zod";

/** The agent as the edge knows it. Null: no agent has ever connected. */
export const AgentStatus = z.object({
  online: z.boolean(),
  host: z.string().nullable(),
  user: z.string().nullable(),
  version: z.string().nullable(),
});
export type AgentStatus = z.infer<typeof AgentStatus>;

/** A link that logs one browser in, once. */
export const LoginLink = z.object({ url: z.url() });
export type LoginLink = z.infer<typeof LoginLink>;

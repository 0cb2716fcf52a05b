import type { Answers } from "./answers.ts";

/** So long whoever has revoked an agent has to get the answer, before the object ends. Milliseconds. */
const ANSWER_MS = 500;

/**
 * Ends all that an agent has open in a workspace. An agent ends its WebSockets itself, unless somebody else has its token:
 * the runtime has both ends of those, and gives them up with the object alone. Whatever else is open comes back by itself.
 */
export async function cutOff(
  ctx: DurableObjectState,
  answers: Answers,
  how: { close: () => Promise<void>; why: string },
): Promise<void> {
  await how.close();
  if (!answers.hasCoupled) return;
  await ctx.storage.sync();
  await scheduler.wait(ANSWER_MS);
  ctx.abort(how.why);
}

import { z } from "@hono/zod-openapi";
import { common, problem } from "./responses.ts";

/* What the lists for operators share. */

/** Items on one page, unless asked otherwise. */
const PAGE = 100;

export const limit = z.coerce.number().int().min(1).max(1000).default(PAGE);
export const search = z.string().max(200).optional();
/** What each of them may answer. */
export const hidden = { 404: problem("Nothing is there for those who are no operators"), ...common };

/** A page of a list. */
export const pageOf = <Schema extends z.ZodType, Next extends z.ZodType>(
  name: string,
  item: Schema,
  next: Next,
) =>
  z
    .object({ items: z.array(item), next: next.nullable() })
    .openapi(name, { description: "`next` is what `after` takes for the next page; null on the last" });

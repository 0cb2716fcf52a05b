import { z } from "@hono/zod-openapi";
import { Problem } from "../../contract/problem.ts";

/* What the routes' descriptions share; the OpenAPI document is made of them. */

const ProblemSchema = Problem.openapi("Problem");

export const json = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { "application/json": { schema } },
});

export const problem = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: ProblemSchema } },
});

export const stream = (description: string) => ({
  description,
  content: { "text/event-stream": { schema: z.string() } },
});

/** What every route that needs a login may answer. */
export const common = {
  401: problem("Not logged in"),
  403: problem("A browser's page of another origin asked"),
  421: problem("The edge has another host name"),
  503: problem("The edge is not configured, or the workspace is not connected"),
};

export const security = [{ token: [] }];

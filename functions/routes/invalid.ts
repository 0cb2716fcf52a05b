import type { Hook } from "@hono/zod-openapi";
import { invalid } from "../../contract/problem.ts";
import type { AppEnv } from "../env.ts";

/** What every route does with a request that does not fit its schema: a problem that names the field. */
export const rejectInvalid: Hook<unknown, AppEnv, string, unknown> = (result) => {
  if (!result.success) throw invalid("invalid_request", result.error);
};

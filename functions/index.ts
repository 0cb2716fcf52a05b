import { app } from "./app.ts";
import { isApplication, serveApplication } from "./application.ts";
import type { Env } from "./env.ts";
import { errorResponse } from "./error-response.ts";
import { withSecurityHeaders } from "./security-headers.ts";

export { Registry } from "./registry/registry.ts";
export { Workspace } from "./workspace/workspace.ts";

export default {
  async fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    if (!isApplication(request)) return withSecurityHeaders(request, await app.fetch(request, env, ctx));
    try {
      return await serveApplication(request, env);
    } catch (error) {
      return errorResponse(request, error, env);
    }
  },
};

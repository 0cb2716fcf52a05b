import { OpenAPIHono } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { BerthError } from "../contract/problem.ts";
import { consoleOnly, refuseForged, requireAgent, requireLogin, scopeByMethod } from "./auth/guard.ts";
import { enterShare, offerShare } from "./auth/enter-share.ts";
import { enter, handOver } from "./auth/hand-over.ts";
import { audienceOf } from "./auth/visitor.ts";
import { limitBody } from "./body-limit.ts";
import { configOf } from "./config.ts";
import type { AppEnv } from "./env.ts";
import { errorResponse } from "./error-response.ts";
import { withPlainPath } from "./forwarded.ts";
import { hostsOf } from "./hosts.ts";
import { checkHeaderSizes } from "./limits.ts";
import { accountApi } from "./routes/account.ts";
import { accountPages } from "./routes/account-page.tsx";
import { agentsApi } from "./routes/agents.ts";
import { assetRoutes } from "./routes/assets.ts";
import { consoleRoutes } from "./routes/console.tsx";
import { enrolmentApi } from "./routes/enrolment.ts";
import { rejectInvalid } from "./routes/invalid.ts";
import { joinRoutes } from "./routes/join.tsx";
import { loginRoutes, logout } from "./routes/login.tsx";
import { serveOpenApi } from "./routes/openapi.ts";
import { operatorRoutes } from "./routes/operator.ts";
import { resourcesApi } from "./routes/resources.ts";
import { sessionsApi } from "./routes/sessions.ts";
import { sharePages } from "./routes/share-page.tsx";
import { sharesApi } from "./routes/shares.ts";
import { workspaceApi } from "./routes/workspace.ts";
import { describePlatformCall, PLATFORM_PATH, takePlatformCall } from "./webhooks/platform.ts";

/** The visitor's own workspace, and nobody else's. */
const bindWorkspace: MiddlewareHandler<AppEnv> = async (c, next) => {
  const hosts = hostsOf(c.env, new URL(c.req.url));
  const stub = c.env.WORKSPACE.getByName(c.var.visitor.user);
  c.set("workspace", stub);
  c.set("forward", async (request) => stub.fetch(withPlainPath(request)));
  c.set("consoleHost", hosts.console);
  c.set("sessionsHost", hosts.sessions);
  return next();
};

/** Refuses what no route is asked by, such as `OPTIONS *`, of which the runtime makes no URL. */
const checkHead: MiddlewareHandler<AppEnv> = (c, next) => {
  if (!URL.canParse(c.req.url)) throw new BerthError("invalid_request", "the request's target is no address");
  checkHeaderSizes(c.req.raw.headers);
  return next();
};

/** What the console and the API take in at once, bytes: it is parsed in memory. Applications get their bodies streaming. */
const BODY_LIMIT = 8_388_608;

/** Serves a route on one of the two hosts only. */
const onlyOn =
  (audience: "console" | "sessions"): MiddlewareHandler<AppEnv> =>
  async (c, next) => {
    configOf(c.env);
    if (audienceOf(c.env, new URL(c.req.url)) !== audience)
      throw new BerthError("not_found", "this is not served on this host");
    return next();
  };

/** Everything but the applications, which index.ts answers itself. */
function createApp(): OpenAPIHono<AppEnv> {
  const berth = new OpenAPIHono<AppEnv>({ defaultHook: rejectInvalid });
  berth.onError((error, c) => {
    const isMalformed = error instanceof HTTPException && error.status < 500;
    const cause = isMalformed ? new BerthError("invalid_request", error.message, { cause: error }) : error;
    return errorResponse(c.req.raw, cause, c.env);
  });
  berth.notFound((c) =>
    errorResponse(c.req.raw, new BerthError("not_found", `nothing is at ${c.req.path}`), c.env),
  );

  berth.use(checkHead);
  berth.get("/healthz", (c) => c.json({ status: "ok" }));
  berth.route("/assets", assetRoutes());
  berth.use("/agent/*", requireAgent);
  berth.get("/agent/link", (c) => c.var.forward(c.req.raw));
  berth.on(["GET", "POST"], "/agent/streams/:id", (c) => c.var.forward(c.req.raw));
  berth.post("/agent/leave", (c) => c.var.forward(c.req.raw));

  berth.use("/login/*", onlyOn("console"), refuseForged);
  berth.use("/logout/*", onlyOn("console"));
  berth.route("/", loginRoutes());
  berth.get("/enter", (c) => enter(c.req.raw, c.env));
  berth.get("/enter-share", (c) => enterShare(c.req.raw, c.env));

  berth.post(PLATFORM_PATH, onlyOn("console"), takePlatformCall);
  describePlatformCall(berth);

  berth.use("/enroll/*", onlyOn("console"));
  berth.route("/enroll", enrolmentApi());

  berth.use(requireLogin, bindWorkspace);
  berth.use(limitBody(BODY_LIMIT));
  berth.get("/wait/:port", (c) => c.var.forward(c.req.raw));

  berth.use(consoleOnly);
  berth.get("/hand-over", (c) => handOver(c.var.visitor, new URL(c.req.url), c.env));
  berth.get("/share/:session", (c) =>
    offerShare(c.var.visitor, c.req.param("session"), new URL(c.req.url), c.env),
  );
  berth.route("/api", accountApi());
  // Before the scopes that everybody has: none of them opens what is an operator's.
  berth.route("/", operatorRoutes());
  // Pages too: a form of theirs launches as well as the API does.
  berth.use(scopeByMethod);
  berth.route("/api", workspaceApi());
  berth.route("/api", agentsApi());
  berth.route("/api", resourcesApi());
  berth.route("/api", sessionsApi());
  berth.route("/api", sharesApi());
  serveOpenApi(berth);

  berth.post("/logout", logout);
  berth.route("/", joinRoutes());
  berth.route("/", consoleRoutes());
  berth.route("/", accountPages());
  berth.route("/", sharePages());
  return berth;
}

export const app = createApp();

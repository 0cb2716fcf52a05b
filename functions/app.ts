import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { BerthError } from "../contract/problem.ts";
import { addressOf } from "./auth/address.ts";
import { safeReturn, userOfCode } from "./auth/code.ts";
import { clearCookie, issueCookie } from "./auth/cookie.ts";
import { consoleOnly, requireAgent, requireLogin, scopeByMethod } from "./auth/guard.ts";
import { enter, handOver } from "./auth/hand-over.ts";
import { audienceOf } from "./auth/visitor.ts";
import { configOf } from "./config.ts";
import type { AppEnv } from "./env.ts";
import { errorResponse } from "./error-response.ts";
import { withPlainPath } from "./forwarded.ts";
import { hostsOf } from "./hosts.ts";
import { assetRoutes } from "./routes/assets.ts";
import { consoleRoutes } from "./routes/console.tsx";
import { rejectInvalid } from "./routes/invalid.ts";
import { serveOpenApi } from "./routes/openapi.ts";
import { resourcesApi } from "./routes/resources.ts";
import { sessionsApi } from "./routes/sessions.ts";
import { workspaceApi } from "./routes/workspace.ts";
import { partOf } from "./workspace/parts.ts";
import { securityHeaders } from "./security-headers.ts";

type Ctx = Context<AppEnv>;

const isSecure = (c: Ctx): boolean => new URL(c.req.url).protocol === "https:";

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

/** What one person may read, no cache in between may keep. */
const noStore: MiddlewareHandler<AppEnv> = async (c, next) => {
  await next();
  if (!c.res.headers.has("cache-control")) c.header("cache-control", "no-store");
};

/** An answer that has a stricter header of its own, such as an icon, keeps it. */
const pageHeaders: MiddlewareHandler<AppEnv> = async (c, next) => {
  await next();
  for (const [name, value] of Object.entries(securityHeaders)) {
    if (!c.res.headers.has(name)) c.res.headers.set(name, value);
  }
};

/** What the console and the API take in at once, bytes: it is parsed in memory. Applications get their bodies streaming. */
const BODY_LIMIT = 8_388_608;

const limitBody = bodyLimit({
  maxSize: BODY_LIMIT,
  onError: () => {
    throw new BerthError("payload_too_large", `a body may have at most ${BODY_LIMIT} bytes here`);
  },
});

/** Serves a route on one of the two hosts only. */
const onlyOn =
  (audience: "console" | "sessions"): MiddlewareHandler<AppEnv> =>
  async (c, next) => {
    configOf(c.env);
    if (audienceOf(c.env, new URL(c.req.url)) !== audience)
      throw new BerthError("not_found", "this is not served on this host");
    return next();
  };

/** A link to the console of the local instance. */
async function useLoginLink(c: Ctx): Promise<Response> {
  const { secrets, login } = configOf(c.env);
  if (login.kind !== "link") throw new BerthError("not_found", "this edge has no login links");
  // A link preview asks by HEAD, which is no use of the link.
  if (c.req.raw.method === "HEAD") return c.body(null, 204);
  const code = c.req.query("code");
  const user = await userOfCode(secrets, code);
  const browser = { agent: c.req.header("user-agent") ?? "", from: addressOf(c.req.raw) };
  const claims =
    user === undefined || code === undefined
      ? null
      : await partOf(c.env, user, "access").takeLoginLink(code, browser);
  if (claims === null) throw new BerthError("unauthorized", "this link was used, or is too old");
  const moment = { secure: isSecure(c), now: Date.now() };
  c.header("set-cookie", await issueCookie(secrets, "console", claims, moment));
  return c.redirect(safeReturn(c.req.query("to")), 302);
}

async function logout(c: Ctx): Promise<Response> {
  const { visitor, caller } = c.var;
  if (visitor.kind === "browser") await partOf(c.env, visitor.user, "access").logout(visitor.login, caller);
  c.header("set-cookie", clearCookie("console", isSecure(c)));
  return c.redirect("/", 303);
}

/** Everything but the applications, which index.ts answers itself. */
function createApp(): OpenAPIHono<AppEnv> {
  const berth = new OpenAPIHono<AppEnv>({ defaultHook: rejectInvalid });
  berth.onError((error, c) => {
    const isMalformed = error instanceof HTTPException && error.status < 500;
    const cause = isMalformed ? new BerthError("invalid_request", error.message, { cause: error }) : error;
    return errorResponse(c.req.raw, cause);
  });
  berth.notFound((c) => errorResponse(c.req.raw, new BerthError("not_found", `nothing is at ${c.req.path}`)));

  berth.get("/healthz", (c) => c.json({ status: "ok" }));
  berth.route("/assets", assetRoutes());
  berth.use("/agent/*", requireAgent);
  berth.get("/agent/link", (c) => c.var.forward(c.req.raw));
  berth.on(["GET", "POST"], "/agent/streams/:id", (c) => c.var.forward(c.req.raw));

  berth.use(noStore);
  berth.get("/login", pageHeaders, onlyOn("console"), useLoginLink);
  berth.get("/enter", pageHeaders, onlyOn("sessions"), (c) => enter(c.req.raw, new URL(c.req.url), c.env));

  berth.use(requireLogin, bindWorkspace);
  berth.use(limitBody);
  berth.get("/wait/:port", (c) => c.var.forward(c.req.raw));

  berth.use(consoleOnly);
  berth.get("/hand-over", (c) => handOver(c.var.visitor, new URL(c.req.url), c.env));
  berth.use("/api/*", scopeByMethod);
  berth.route("/api", workspaceApi());
  berth.route("/api", resourcesApi());
  berth.route("/api", sessionsApi());
  serveOpenApi(berth);

  berth.use(pageHeaders);
  berth.post("/logout", logout);
  berth.route("/", consoleRoutes());
  return berth;
}

export const app = createApp();

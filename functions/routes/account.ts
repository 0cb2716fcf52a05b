import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { ApiToken, BrowserLogin, CreatedToken, Me, NewToken } from "../../contract/account.ts";
import { BerthError } from "../../contract/problem.ts";
import { requireScope } from "../auth/guard.ts";
import { configOf } from "../config.ts";
import type { AppEnv } from "../env.ts";
import type { Account } from "../workspace/account.ts";
import { partOf } from "../workspace/parts.ts";
import { rejectInvalid } from "./invalid.ts";
import type { Console } from "./page.ts";
import { common, json, problem, security } from "./responses.ts";

const TokenSchema = ApiToken.openapi("ApiToken");

const id = z.object({ id: z.string().openapi({ example: "aV1b2C3d4E5f6G7h8I9j0K" }) });

const getMe = createRoute({
  method: "get",
  path: "/me",
  summary: "Who asks, and what they may do",
  security,
  responses: { 200: json(Me.openapi("Me"), "The caller"), ...common },
});

const listTokens = createRoute({
  method: "get",
  path: "/tokens",
  summary: "The API tokens, newest first; never the tokens themselves",
  security,
  responses: { 200: json(z.array(TokenSchema), "The tokens"), ...common },
});

const createToken = createRoute({
  method: "post",
  path: "/tokens",
  summary: "Make an API token, whose text is in this answer alone. For a browser: a token makes no other",
  security,
  request: {
    body: { required: true, content: { "application/json": { schema: NewToken.openapi("NewToken") } } },
  },
  responses: {
    201: json(CreatedToken.openapi("CreatedToken"), "The token, this once"),
    400: problem("A field is missing or not valid"),
    ...common,
  },
});

const revokeToken = createRoute({
  method: "delete",
  path: "/tokens/{id}",
  summary: "Revoke an API token, and end what is open for it; a token may revoke itself alone",
  security,
  request: { params: id },
  responses: { 204: { description: "It is revoked" }, 404: problem("No such token"), ...common },
});

const listLogins = createRoute({
  method: "get",
  path: "/logins",
  summary: "The browsers that are logged in, the last used first",
  security,
  responses: { 200: json(z.array(BrowserLogin.openapi("Login")), "The browsers"), ...common },
});

const endLogin = createRoute({
  method: "post",
  path: "/logins/{id}/end",
  summary: "Log a browser out, and end what is open in it. For a browser: a token logs nobody out",
  security,
  request: { params: id },
  responses: { 204: { description: "It is logged out" }, 404: problem("No such login"), ...common },
});

const accountOf = (c: Console) => partOf(c.env, c.var.visitor.user, "account");

/** The login of the browser that asks; null for a program. */
export const currentLogin = ({ var: { visitor } }: Console): string | null =>
  visitor.kind === "browser" ? visitor.login : null;

/** @throws BerthError `forbidden` for a program: who finds a token is not to stay, nor to lock its owner out */
export function requireBrowser(c: Console): void {
  if (c.var.visitor.kind !== "browser")
    throw new BerthError("forbidden", "a token may not do that: it is done on the console's account page");
}

/** Who the caller is. */
async function me(c: Console): Promise<Me> {
  const { visitor, admitted } = c.var;
  const { person, tokens }: Awaited<ReturnType<Account["overview"]>> = await accountOf(c).overview(null);
  const token = visitor.kind === "program" ? tokens.find((each) => each.id === visitor.token) : undefined;
  return {
    user: visitor.user,
    name: person?.name ?? admitted.name,
    email: person?.email ?? null,
    role: admitted.role,
    scopes: [...admitted.scopes],
    login: configOf(c.env).login.kind,
    token: token === undefined ? null : { id: token.id, name: token.name },
  };
}

const reads: MiddlewareHandler<AppEnv> = async (c, next) => {
  if (c.req.method === "GET") requireScope(c, "read");
  return next();
};

/** Somebody's own account, mounted at `/api`. What it changes, a browser changes. */
export function accountApi(): OpenAPIHono<AppEnv> {
  const api = new OpenAPIHono<AppEnv>({ defaultHook: rejectInvalid });
  for (const path of ["/me", "/tokens", "/logins"]) api.use(path, reads);
  api.openapi(getMe, async (c) => c.json(await me(c), 200));
  api.openapi(listTokens, async (c) => c.json((await accountOf(c).overview(null)).tokens, 200));
  api.openapi(createToken, async (c) => {
    requireBrowser(c);
    const { visitor, admitted, caller } = c.var;
    const options = { may: admitted.scopes, caller };
    const made = await accountOf(c).createToken(visitor.user, c.req.valid("json"), options);
    if (!made.ok) throw BerthError.from(made.problem);
    return c.json(made.value, 201);
  });
  api.openapi(revokeToken, async (c) => {
    const { visitor, caller } = c.var;
    const { id: token } = c.req.valid("param");
    if (visitor.kind !== "program" || visitor.token !== token) requireBrowser(c);
    if (!(await accountOf(c).revokeToken(token, caller)))
      throw new BerthError("not_found", `there is no token "${token}"`, { field: "id" });
    return c.body(null, 204);
  });
  api.openapi(listLogins, async (c) => {
    return c.json((await accountOf(c).overview(currentLogin(c))).logins, 200);
  });
  api.openapi(endLogin, async (c) => {
    requireBrowser(c);
    const { id: login } = c.req.valid("param");
    if (!(await accountOf(c).endLogin(login, c.var.caller)))
      throw new BerthError("not_found", `there is no login "${login}"`, { field: "id" });
    return c.body(null, 204);
  });
  return api;
}

import { BerthError } from "../contract/problem.ts";
import { safeReturn } from "./auth/code.ts";
import { configOf } from "./config.ts";
import type { Env } from "./env.ts";
import { hostsOf } from "./hosts.ts";
import { htmlResponse } from "./html-response.ts";
import { problemResponse, retryHeader } from "./problem-response.ts";
import { loginPage, notAdmittedPage } from "./views/login-page.tsx";
import { problemPage } from "./views/problem-page.tsx";
import { rawTarget } from "./relay/path.ts";
import { wantsPage } from "./wants-page.ts";

/** What went wrong, for a person or for a program. Errors that nobody foresaw are logged, and told without details. */
export async function errorResponse(
  request: Request,
  error: unknown,
  env: Env,
  options: { to?: string } = {},
): Promise<Response> {
  const known = error instanceof BerthError ? error : unforeseen(error);
  // A page has links, which are relative to where it is.
  if (!wantsPage(request) || !URL.canParse(request.url)) return problemResponse(known);
  return htmlResponse(pageOf(known, request, env, options.to), known.status, retryHeader(known));
}

function pageOf(error: BerthError, request: Request, env: Env, to?: string) {
  const { code, title, detail, remedy } = error.problem;
  if (code !== "unauthorized" && code !== "not_admitted" && code !== "locked_out")
    return problemPage(error.problem, consoleElsewhere(new URL(request.url), env));
  const href = loginHref(request, env, to);
  if (code === "unauthorized" || href === null) return loginPage({ href, detail });
  return notAdmittedPage({ title, href: `${href}&as=another`, detail, remedy });
}

/** Where a login begins that leads back to what was asked for; null where it begins on the workspace. */
function loginHref(request: Request, env: Env, to?: string): string | null {
  if (configOf(env).login.kind === "link") return null;
  const url = new URL(request.url);
  const { console: host } = hostsOf(env, url);
  const query = new URLSearchParams({ to: to ?? destinationOf(request, url, host) });
  return `${consoleElsewhere(url, env)}/login?${query.toString()}`;
}

/** What stands before a path of the console's on this very page: nothing on its own host, its origin on another. */
function consoleElsewhere(url: URL, env: Env): string {
  const { console: host } = hostsOf(env, url);
  return url.host === host ? "" : `${url.protocol}//${host}`;
}

function destinationOf(request: Request, url: URL, consoleHost: string): string {
  if (url.pathname === "/login") return safeReturn(url.searchParams.get("to") ?? undefined);
  return request.method === "GET" && url.host === consoleHost ? safeReturn(rawTarget(request.url)) : "/";
}

function unforeseen(error: unknown): BerthError {
  console.error(error);
  return new BerthError("internal", "the edge met an error of its own");
}

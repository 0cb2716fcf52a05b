import { BerthError } from "../contract/problem.ts";
import { problemResponse } from "./problem-response.ts";
import { securityHeaders } from "./security-headers.ts";
import { problemPage } from "./views/problem-page.tsx";
import { loginPage } from "./views/session-page.tsx";
import { wantsPage } from "./wants-page.ts";

/** What went wrong, for a person or for a program. Errors that nobody foresaw are logged, and told without details. */
export async function errorResponse(request: Request, error: unknown): Promise<Response> {
  const known = error instanceof BerthError ? error : unforeseen(error);
  if (!wantsPage(request)) return problemResponse(known);
  const page = known.code === "unauthorized" ? loginPage() : problemPage(known.problem);
  const headers = {
    ...securityHeaders,
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
  };
  return new Response(`<!doctype html>${String(await page)}`, { status: known.status, headers });
}

function unforeseen(error: unknown): BerthError {
  console.error(error);
  return new BerthError("internal", "the edge met an error of its own");
}

import { BerthError } from "../contract/problem.ts";
import { htmlResponse } from "./html-response.ts";
import { problemResponse } from "./problem-response.ts";
import { problemPage } from "./views/problem-page.tsx";
import { loginPage } from "./views/session-page.tsx";
import { wantsPage } from "./wants-page.ts";

/** What went wrong, for a person or for a program. Errors that nobody foresaw are logged, and told without details. */
export async function errorResponse(request: Request, error: unknown): Promise<Response> {
  const known = error instanceof BerthError ? error : unforeseen(error);
  if (!wantsPage(request)) return problemResponse(known);
  return htmlResponse(known.code === "unauthorized" ? loginPage() : problemPage(known.problem), known.status);
}

function unforeseen(error: unknown): BerthError {
  console.error(error);
  return new BerthError("internal", "the edge met an error of its own");
}

import type { HtmlEscapedString } from "hono/utils/html";
import { BerthError } from "../../contract/problem.ts";
import type { Session } from "../../contract/session.ts";
import {
  badGatewayPage,
  endedPage,
  failedPage,
  loadingPage,
  noSessionPage,
  offlinePage,
} from "../views/session-page.tsx";
import { htmlResponse } from "../html-response.ts";
import { problemResponse, retryHeader } from "../problem-response.ts";
import { problemPage } from "../views/problem-page.tsx";
import { wantsPage } from "../wants-page.ts";

/** Why a request for `/me/<PORT>/…` has no answer from the application. */
export type Outcome =
  | { kind: "no_session" }
  | { kind: "not_ready"; session: Session }
  | { kind: "over"; session: Session }
  | { kind: "offline"; session: Session }
  | { kind: "unanswered"; session: Session; error: BerthError };

/** What a program is told. */
export function errorOf(outcome: Outcome): BerthError {
  switch (outcome.kind) {
    case "no_session":
      return new BerthError("no_live_session", "no live session of yours has this port");
    case "not_ready":
      return new BerthError(
        "session_not_ready",
        `session ${outcome.session.id} is ${outcome.session.state}: ${outcome.session.status}`,
      );
    case "over": {
      const { id, state, error } = outcome.session;
      return new BerthError(
        "no_live_session",
        `session ${id} is ${state}${error === "" ? "" : `: ${error}`}`,
      );
    }
    case "offline":
      return new BerthError("agent_offline", "the workspace of this session is not connected");
    case "unanswered":
      return outcome.error;
    default:
      return outcome satisfies never;
  }
}

/** What a person is shown. */
function pageOf(outcome: Outcome, consoleUrl: string): HtmlEscapedString | Promise<HtmlEscapedString> {
  switch (outcome.kind) {
    case "no_session":
      return noSessionPage(consoleUrl);
    case "not_ready":
      return loadingPage(outcome.session, { streamUrl: `/wait/${outcome.session.port}`, consoleUrl });
    case "over":
      return outcome.session.state === "failed"
        ? failedPage(outcome.session, consoleUrl)
        : endedPage(outcome.session, consoleUrl);
    case "offline":
      return offlinePage(outcome.session, consoleUrl);
    case "unanswered":
      // It was not asked at all: the request is too large, or one too many.
      if ([413, 429].includes(outcome.error.status)) return problemPage(outcome.error.problem, consoleUrl);
      return badGatewayPage(outcome.session, outcome.error.message, consoleUrl);
    default:
      return outcome satisfies never;
  }
}

/** Answers with a page or with a problem document, never from a cache. */
export async function outcomeResponse(
  request: Request,
  outcome: Outcome,
  consoleUrl: string,
): Promise<Response> {
  const error = errorOf(outcome);
  if (!wantsPage(request)) return problemResponse(error);
  return htmlResponse(pageOf(outcome, consoleUrl), error.status, retryHeader(error));
}

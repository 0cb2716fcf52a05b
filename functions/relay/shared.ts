import { BerthError } from "../../contract/problem.ts";
import type { ShareMode } from "../../contract/share.ts";
import { htmlResponse } from "../html-response.ts";
import { problemResponse, retryHeader } from "../problem-response.ts";
import { badGatewayPage } from "../views/session-page.tsx";
import { guestOfflinePage, guestWaitingPage } from "../views/guest-page.tsx";
import { wantsPage } from "../wants-page.ts";
import type { StoredSession } from "../workspace/store.ts";
import { errorOf, type Outcome } from "./outcome.ts";
import { parseProxyPath, parseSharePath, type ProxyPath } from "./path.ts";
import { isUpgrade, pass, type ProxyContext, targetOf } from "./proxy.ts";

/** What changes nothing, if the application keeps to HTTP (RFC 9110, section 9.2.1). */
const LOOKS = new Set(["GET", "HEAD", "OPTIONS"]);

const notShared = (): BerthError => new BerthError("not_found", "nothing is shared with you here");

/**
 * Answers a guest: `/s/<session>/…`, and on this session's own host also `/me/<PORT>/…`, which is what the links of an
 * application that is told its address lead to.
 * @throws BerthError `not_found` for anything but this session; `view_only` for more than the share allows
 */
export async function proxyShared(
  request: Request,
  { stored, mode }: { stored: StoredSession; mode: ShareMode },
  context: ProxyContext,
): Promise<Response> {
  if (mode === "view" && (!LOOKS.has(request.method) || isUpgrade(request)))
    throw new BerthError("view_only", "this session is shared with you to look at, not to use");
  const target = targetOf(request);
  const shared = parseSharePath(target);
  const { report } = stored;
  if (shared !== undefined && shared.session !== stored.spec.id) throw notShared();
  const answer = (outcome: Outcome): Promise<Response> => answerGuest(request, outcome);
  if (shared !== undefined && report?.port === undefined)
    return answer({ kind: "not_ready", session: context.view(stored) });
  const path =
    shared === undefined
      ? ownPath(parseProxyPath(target), stored, context)
      : { ...shared, scheme: report?.scheme ?? "me", port: report?.port ?? 0 };
  if (path === undefined) throw notShared();
  // An application that is told its address knows itself by no other.
  if (shared !== undefined && report?.stripPrefix === false) return toOwnPath(request, path);
  return pass(request, path, stored, { ...context, answer });
}

/** The port may be another session's by now. */
function ownPath(
  path: ProxyPath | undefined,
  stored: StoredSession,
  context: ProxyContext,
): ProxyPath | undefined {
  if (path === undefined || path.scheme !== stored.report?.scheme) return undefined;
  return context.sessionWithPort(path.port)?.spec.id === stored.spec.id ? path : undefined;
}

const toOwnPath = (request: Request, { scheme, port, rest }: ProxyPath): Response =>
  isUpgrade(request)
    ? problemResponse(notShared())
    : new Response(null, {
        status: 307,
        headers: {
          location: `/${scheme}/${port}${rest === "" ? "/" : rest}`,
          "cache-control": "no-store",
          "referrer-policy": "same-origin",
        },
      });

/** Why there is no answer from the application, without a way to a console where the guest has nothing of it. */
async function answerGuest(request: Request, outcome: Outcome): Promise<Response> {
  const error = errorOf(outcome);
  if (!wantsPage(request)) return problemResponse(error);
  switch (outcome.kind) {
    case "no_session":
    case "over":
      throw notShared();
    case "not_ready":
      return htmlResponse(guestWaitingPage(outcome.session), error.status);
    case "offline":
      return htmlResponse(guestOfflinePage(outcome.session), error.status);
    case "unanswered":
      return htmlResponse(badGatewayPage(outcome.session, error.message), error.status, retryHeader(error));
    default:
      return outcome satisfies never;
  }
}

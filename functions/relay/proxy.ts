import type { Target } from "../../contract/frames.ts";
import type { SessionId } from "../../contract/ids.ts";
import { BerthError, type ProblemCode } from "../../contract/problem.ts";
import { isEnded, type Session } from "../../contract/session.ts";
import { checkHeaderSizes } from "../limits.ts";
import type { Origin } from "../origin.ts";
import { redirect } from "../redirect.ts";
import type { Answers, RelayedRequest } from "../workspace/answers.ts";
import type { StoredSession } from "../workspace/store.ts";
import { valueOf } from "./header-list.ts";
import { requestHeaders, responseHeaders } from "./headers.ts";
import { type Outcome, outcomeResponse } from "./outcome.ts";
import { parseProxyPath, type ProxyPath, rawTarget, servicePath, TARGET_HEADER } from "./path.ts";

/** What the proxy asks of the object around it. */
export type ProxyContext = {
  url: Origin;
  /** Whom the answer is for; see `visitorKey`. */
  visitor: string;
  answers: Answers;
  sessionWithPort: (port: number) => StoredSession | undefined;
  view: (stored: StoredSession) => Session;
  isOnline: () => boolean;
  /** Told why an application that should answer does not. */
  onUnanswered: (code: ProblemCode) => void;
  isOurToken: (authorization: string) => boolean;
  /** What in a request says who asks besides Berth's own: the access proxy's JWT. */
  identityIn?: ((headers: Headers) => string | undefined) | undefined;
  /** The names of the access proxy's own cookies and headers. */
  proxyOwn?: RegExp | undefined;
  consoleUrl: string;
};

export const isUpgrade = (request: Request): boolean =>
  request.headers.get("upgrade")?.toLowerCase() === "websocket";

function lengthOf(request: Request): number | null {
  const length = request.headers.get("content-length");
  return length === null || !/^\d{1,16}$/.test(length) ? null : Number(length);
}

function relayed(
  request: Request,
  path: ProxyPath,
  stored: StoredSession,
  context: ProxyContext,
): RelayedRequest {
  const stripPrefix = stored.report?.stripPrefix ?? true;
  const headers = requestHeaders(request, path, {
    url: context.url,
    stripPrefix,
    isOurToken: context.isOurToken,
    identity: context.identityIn?.(request.headers),
    proxyOwn: context.proxyOwn,
  });
  checkHeaderSizes(headers);
  const host = valueOf(headers, "host") ?? "";
  const target: Target = {
    kind: "port",
    session: stored.spec.id,
    port: path.port,
    tls: path.scheme === "sme",
  };
  return {
    target,
    visitor: context.visitor,
    method: request.method,
    path: servicePath(path, stripPrefix),
    headers,
    body: request.body,
    length: request.body === null ? null : lengthOf(request),
    signal: () => request.signal,
    mapHeaders: (answer) => responseHeaders(answer, path, host, stripPrefix),
  };
}

/** The target that the browser sent, byte for byte. */
export const targetOf = (request: Request): string =>
  request.headers.get(TARGET_HEADER) ?? rawTarget(request.url);

/** Answers `/me/<PORT>/…` and `/sme/<PORT>/…`: from the application, or with a page that says why not. */
export function proxy(
  request: Request,
  context: ProxyContext & {
    /** The origin of a session's application where that is another; undefined where it is served here. */
    elsewhere: ((session: SessionId) => string) | undefined;
  },
): Promise<Response> {
  const path = parseProxyPath(targetOf(request));
  const stored = path === undefined ? undefined : context.sessionWithPort(path.port);
  const answer = (outcome: Outcome): Promise<Response> =>
    outcomeResponse(request, outcome, context.consoleUrl);
  if (path === undefined || stored === undefined || stored.report?.scheme !== path.scheme)
    return answer({ kind: "no_session" });
  if (context.elsewhere !== undefined)
    return Promise.resolve(redirect(context.elsewhere(stored.spec.id) + path.prefix + path.rest));
  return pass(request, path, stored, { ...context, answer });
}

/** Passes a request on to a session's application, as far as the session's state lets it. */
export async function pass(
  request: Request,
  path: ProxyPath,
  stored: StoredSession,
  context: ProxyContext & { answer: (outcome: Outcome) => Promise<Response> },
): Promise<Response> {
  const { answer, onUnanswered } = context;
  const state = stored.report?.state ?? "submitted";
  if (isEnded(state)) return answer({ kind: "over", session: context.view(stored) });
  if (!context.isOnline()) {
    onUnanswered("agent_offline");
    return answer({ kind: "offline", session: context.view(stored) });
  }
  if (state !== "running") return answer({ kind: "not_ready", session: context.view(stored) });
  // `/me/51458` is the folder `/me/51458/`: without the slash every relative link in it would leave the session, and a
  // service worker's script, with a query or none, could rule the folder of all of them.
  if (!path.rest.startsWith("/") && request.method === "GET" && !isUpgrade(request)) {
    return new Response(null, {
      status: 307,
      headers: { location: `${path.prefix}/${path.rest}`, "cache-control": "no-store" },
    });
  }
  try {
    const relay = relayed(request, path, stored, context);
    return await (isUpgrade(request) ? context.answers.websocket(relay) : context.answers.request(relay));
  } catch (error) {
    if (!(error instanceof BerthError)) throw error;
    onUnanswered(error.code);
    return answer({ kind: "unanswered", session: context.view(stored), error });
  }
}

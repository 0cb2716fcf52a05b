import type { RelayedRequest } from "../workspace/answers.ts";
import type { StoredSession } from "../workspace/store.ts";
import type { HeaderList } from "./header-list.ts";

/** What of the reader's headers decides how the agent answers: as text or as events, and from where. */
const PASSED_ON = ["accept", "last-event-id"];

/** A request for a session's log, which the agent answers from its own disk as a service would. */
export function logRequest(stored: StoredSession, request: Request, visitor: string): RelayedRequest {
  const headers = PASSED_ON.flatMap((name): [string, string][] => {
    const value = request.headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  const follow = new URL(request.url).searchParams.get("follow") === "1";
  return {
    target: { kind: "log", session: stored.spec.id, follow },
    visitor,
    method: request.method,
    path: "/",
    headers,
    body: null,
    length: null,
    signal: () => request.signal,
    mapHeaders: () => logHeaders(request),
  };
}

/**
 * What the log is, says the edge: it is an answer of the console's own origin, where an agent that has turned hostile would
 * have a page of its making do whatever its reader can.
 */
function logHeaders(request: Request): HeaderList {
  const asEvents = request.headers.get("accept")?.includes("text/event-stream") === true;
  return [["content-type", `text/${asEvents ? "event-stream" : "plain"}; charset=utf-8`]];
}

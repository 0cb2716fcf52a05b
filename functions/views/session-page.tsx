import type { Session, SessionState } from "../../contract/session.ts";
import { Command } from "./command.tsx";
import { messagePage } from "./message-page.tsx";
import { waitsFor } from "./queue.tsx";
import { againHref } from "./session-actions.tsx";
import { tellingStatus } from "./session-list.tsx";
import { lookOf, State } from "./state.tsx";
import { Ago, between, Elapsed } from "./time.tsx";
import { Trouble } from "./trouble.tsx";

/** What can be behind the address of a session's application, besides the application. Shown on the sessions' host. */

/** Seconds until a page that waits for somebody else tries again. */
const RETRY = 3;

const WAITING = ["submitted", "queued", "starting"] as const satisfies SessionState[];

/** What a session is at that says nothing of its own. */
const STATUS: Partial<Record<SessionState, string>> = {
  submitted: "Submitted",
  queued: "Queued",
  starting: "Starting",
};

/** What a session on its way is at, in its own words where it has any. */
export const waitingStatus = (session: Session): string =>
  tellingStatus(session) ?? STATUS[session.state] ?? session.status;

const again = (session: Session, consoleUrl: string) => (
  <a class="button primary" href={consoleUrl + againHref(session)}>
    Launch again
  </a>
);

const detail = (session: Session, consoleUrl: string, text: string) => (
  <a class="button" href={`${consoleUrl}/sessions/${session.id}`}>
    {text}
  </a>
);

/**
 * A session that is on its way: what it is at, what it waits for. The page moves on by itself.
 * @param options.streamUrl an event stream of `session` events with `{state, status, error, url}`
 */
export function loadingPage(
  session: Session,
  options: { streamUrl: string; consoleUrl?: string | undefined; now?: number },
) {
  const { streamUrl, consoleUrl, now = Date.now() } = options;
  return messagePage({
    title: session.name,
    consoleUrl,
    streamUrl,
    state: session.state,
    above: (
      <>
        {WAITING.map((state) => (
          <span class="while" data-while={state}>
            <State look={state} />
          </span>
        ))}
        <span>
          <Elapsed at={session.createdAt} now={now} />
        </span>
      </>
    ),
    children: (
      <>
        <p id="status" class="status" role="status">
          {waitingStatus(session)}
        </p>
        <p class={session.state === "queued" ? "help" : "help later"}>
          <span id="waits">{waitsFor(session)}</span> This page moves on by itself.
        </p>
      </>
    ),
    actions: consoleUrl === undefined ? undefined : detail(session, consoleUrl, "Details and log"),
  });
}

/** A session that failed: its own words, and the way on. */
export function failedPage(session: Session, consoleUrl: string, now: number = Date.now()) {
  return messagePage({
    title: `${session.name} failed`,
    consoleUrl,
    above: (
      <>
        <State look="failed" />
        <Ago at={session.endedAt ?? session.createdAt} now={now} />
      </>
    ),
    children: (
      <pre class="error" tabindex={0} role="region" aria-label="The error">
        {session.error === "" ? "It ended without saying why." : session.error}
      </pre>
    ),
    actions: (
      <>
        {again(session, consoleUrl)}
        {detail(session, consoleUrl, "See the log")}
      </>
    ),
  });
}

/** A session that is over: completed or canceled. */
export function endedPage(session: Session, consoleUrl: string, now: number = Date.now()) {
  const { name, resource, startedAt, endedAt, createdAt } = session;
  const ran = startedAt === null || endedAt === null ? null : `It ran for ${between(startedAt, endedAt)}. `;
  return messagePage({
    title: `${name} has ended`,
    consoleUrl,
    above: (
      <>
        <State look={lookOf(session)} />
        <Ago at={endedAt ?? createdAt} now={now} />
      </>
    ),
    children: (
      <p>
        {ran}What it saved is still {resource === null ? "in the workspace" : `on ${resource}`}.
      </p>
    ),
    actions: (
      <>
        {again(session, consoleUrl)}
        {detail(session, consoleUrl, "Details and log")}
      </>
    ),
  });
}

/** The workspace is away: the session may well go on, it just cannot be reached. */
export function offlinePage(session: Session, consoleUrl?: string) {
  return messagePage({
    title: `${session.name} cannot be reached`,
    consoleUrl,
    retry: RETRY,
    above: <State look="not reachable" />,
    children: (
      <>
        <p>
          Its workspace is not connected. The session goes on{session.resource === null ? " there" : ""}: last
          it was {session.state}. Start the workspace's agent:
        </p>
        <Command text="berth up" />
        <p class="help">This page tries again every {RETRY} s.</p>
      </>
    ),
    actions: (
      <a class="button primary" href="">
        Try now
      </a>
    ),
  });
}

/**
 * The application did not answer, though its session runs (502).
 * @param reason what happened instead, such as `connection refused`
 */
export function badGatewayPage(session: Session, reason: string, consoleUrl?: string) {
  return messagePage({
    title: `${session.name} did not answer`,
    consoleUrl,
    retry: RETRY,
    above: <State look={lookOf(session)} />,
    children: (
      <>
        {session.trouble === null ? (
          <p>
            The session runs, but its application{session.port === null ? null : <> on port {session.port}</>}{" "}
            gave no answer. It may be starting again, or it may have ended just now.
          </p>
        ) : (
          <>
            <p>
              The way to {session.resource ?? "the session"} is interrupted. The session goes on there, and
              this page opens it as soon as it can be reached.
            </p>
            <Trouble text={session.trouble} />
          </>
        )}
        {reason === "" ? null : <pre class="error">{reason}</pre>}
        <p class="help">This page tries again every {RETRY} s.</p>
      </>
    ),
    actions: (
      <>
        <a class="button primary" href="">
          Try now
        </a>
        {consoleUrl === undefined ? null : detail(session, consoleUrl, "See the log")}
      </>
    ),
  });
}

/** No live session of the reader's has this port. */
export function noSessionPage(consoleUrl?: string) {
  return messagePage({
    title: "No session here",
    consoleUrl,
    children: (
      <p>
        No live session of yours has this address. It may have ended, and a session that starts again gets
        another port. Open it from the console.
      </p>
    ),
    actions:
      consoleUrl === undefined ? undefined : (
        <a class="button primary" href={`${consoleUrl}/`}>
          Go to the sessions
        </a>
      ),
  });
}

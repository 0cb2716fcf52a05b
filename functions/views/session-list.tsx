import type { Child } from "hono/jsx";
import type { CatalogueEntry } from "../../contract/service.ts";
import { isEnded, type Session } from "../../contract/session.ts";
import { Queue } from "./queue.tsx";
import { ServiceIcon } from "./service-icon.tsx";
import { SessionActions } from "./session-actions.tsx";
import { lookOf, State } from "./state.tsx";
import { Ago, between, Elapsed } from "./time.tsx";
import { TimeLeft } from "./time-left.tsx";
import { Trouble } from "./trouble.tsx";
import { Where } from "./where.tsx";

/** A failure is news for this long: it stands among what is running. Milliseconds. */
const NEWS = 3_600_000;

type ListProps = {
  /** Newest first. */
  sessions: readonly Session[];
  services: readonly CatalogueEntry[];
  /** What the reader searches for; empty for everything. */
  query: string;
  now: number;
};

/** A status worth reading: not one that only says the state again, nor in the queue what was done before it. */
export const tellingStatus = ({
  state,
  ...session
}: Pick<Session, "state" | "status">): string | undefined => {
  const status = session.status.trim();
  return status === "" || status.toLowerCase() === state || state === "queued" ? undefined : status;
};

/** Characters of somebody else's text that a row has room for. */
const QUOTED = 120;

/** What a session said of itself, as far as a row has room for it. */
function Quote({ text }: { text: string }) {
  const line = text.trim().split("\n", 1)[0] ?? "";
  const shown = line.length > QUOTED ? `${line.slice(0, QUOTED).toWellFormed()}…` : line;
  return <span>“{shown}”</span>;
}

/** One line on how a session is doing. */
function Doing({ session, now }: { session: Session; now: number }): Child {
  const { state, createdAt, startedAt, endedAt } = session;
  if (isEnded(state)) {
    const ran =
      startedAt === null || endedAt === null ? null : <span>ran for {between(startedAt, endedAt)}</span>;
    return (
      <>
        {state === "failed" && session.error !== "" ? <Quote text={session.error} /> : ran}
        <Ago at={endedAt ?? createdAt} now={now} />
      </>
    );
  }
  const status = tellingStatus(session);
  return (
    <>
      {session.reachable ? null : <span>last known: {state}</span>}
      {session.canceling && !session.reachable ? <span>ends once the workspace is back</span> : null}
      {status === undefined ? null : <Quote text={status} />}
      <Queue queue={session.queue} />
      {state === "running" && startedAt !== null ? (
        <span>
          for <Elapsed at={startedAt} now={now} />
        </span>
      ) : (
        <Elapsed at={createdAt} now={now} />
      )}
      <TimeLeft session={session} now={now} />
    </>
  );
}

function Row({ session, entry, now }: { session: Session; entry: CatalogueEntry | undefined; now: number }) {
  const title = entry?.title ?? session.service;
  return (
    <li id={`session-${session.id}`} class="session">
      <State look={lookOf(session)} />
      <ServiceIcon entry={entry ?? { name: session.service, title, icon: null }} size={24} />
      <div class="what">
        <a class="name" href={`/sessions/${session.id}`}>
          {session.name}
        </a>
        <p class="facts">
          {title === session.name ? null : <span>{title}</span>}
          <Where session={session} />
          {session.resource === null ? <Doing session={session} now={now} /> : null}
        </p>
        {session.resource === null ? null : (
          <p class="facts">
            <Doing session={session} now={now} />
          </p>
        )}
        {session.trouble === null ? null : <Trouble text={session.trouble} />}
      </div>
      <SessionActions session={session} back="list" />
    </li>
  );
}

function Rows({ sessions, services, now }: Omit<ListProps, "query">) {
  return (
    <ul class="rows">
      {sessions.map((session) => (
        <Row session={session} entry={services.find((entry) => entry.name === session.service)} now={now} />
      ))}
    </ul>
  );
}

/** True when what a session is called, where it runs or how it is doing holds the words searched for. */
function matches(session: Session, query: string, title: string): boolean {
  const text = [
    session.name,
    session.service,
    title,
    lookOf(session),
    session.status,
    session.error,
    session.id,
    session.resource ?? session.placement,
    session.node ?? "",
    session.jobId ?? "",
  ];
  const hay = text.join("\n").toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => hay.includes(word));
}

function Found({ sessions, services, query, now }: ListProps) {
  const titleOf = (name: string): string => services.find((entry) => entry.name === name)?.title ?? name;
  const found = sessions.filter((session) => matches(session, query, titleOf(session.service)));
  if (found.length > 0) return <Rows sessions={found} services={services} now={now} />;
  return (
    <p class="nothing">
      No session matches “{query}”. <a href="/">Show all {sessions.length}</a>
    </p>
  );
}

function Grouped({ sessions, services, now }: ListProps) {
  const isNews = (session: Session): boolean =>
    !isEnded(session.state) ||
    (session.state === "failed" && now - Date.parse(session.endedAt ?? session.createdAt) < NEWS);
  const current = sessions.filter(isNews);
  const earlier = sessions.filter((session) => !isNews(session));
  return (
    <>
      {current.length > 0 ? (
        <Rows sessions={current} services={services} now={now} />
      ) : (
        <p class="nothing">Nothing is running. Choose an application to launch one.</p>
      )}
      {earlier.length === 0 ? null : (
        <details id="earlier" class="earlier">
          <summary>
            Earlier <span class="number">{earlier.length}</span>
          </summary>
          <Rows sessions={earlier} services={services} now={now} />
        </details>
      )}
    </>
  );
}

/** What a session is, for somebody who has none. */
const Lesson = () => (
  <div class="lesson">
    <h2>No sessions yet</h2>
    <p>
      A session is one run of an application, such as a notebook, an editor or a shell. It runs in your
      workspace or on a cluster and opens in this browser. Close the tab and it goes on; come back here to get
      in again.
    </p>
    <ol>
      <li>Choose an application.</li>
      <li>Launch it. Its form is filled in with what usually fits.</li>
      <li>Open it, and cancel it here when you are done.</li>
    </ol>
  </div>
);

/** The sessions. Also a fragment: it fetches itself anew when one changes. */
export function SessionList(props: ListProps) {
  const { sessions, query } = props;
  return (
    <div
      id="sessions"
      hx-get={`/fragments/sessions${query === "" ? "" : `?q=${encodeURIComponent(query)}`}`}
      hx-trigger="berth:session from:body throttle:250ms, berth:agent from:body throttle:250ms, berth:opened from:body"
      hx-swap="outerMorph"
    >
      {sessions.length === 0 ? <Lesson /> : query === "" ? <Grouped {...props} /> : <Found {...props} />}
    </div>
  );
}

import type { EndedSession } from "../../contract/operator.ts";
import type { Frame } from "./layout.tsx";
import { Next, OperatorLayout } from "./operator-layout.tsx";
import {
  isNarrowed,
  OtherSessions,
  SessionFilters,
  type SessionFilter,
} from "./operator-session-filters.tsx";
import { State } from "./state.tsx";
import { Ago, between } from "./time.tsx";

type Props = {
  frame: Frame;
  dead: number;
  /** The last that ended first. */
  sessions: readonly EndedSession[];
  filter: SessionFilter;
  /** Where the next page is. */
  next: string | null;
  now: number;
};

function Row({ session, now }: { session: EndedSession; now: number }) {
  const { id, name, service, user, userName, resource, placement, node, error, startedAt, endedAt } = session;
  return (
    <li class="session plain">
      <State look={session.state} />
      <div class="what">
        <span class="name">{name}</span>
        <p class="facts">
          <span>
            <a href={`/operator/sessions/ended?user=${user}`}>{userName ?? user}</a>
          </span>
          <span>{service}</span>
          <span>{resource === null ? placement : `${resource}, ${placement}`}</span>
          {node === null ? null : <span>node {node}</span>}
          {startedAt === null || endedAt === null ? (
            <span>never ran</span>
          ) : (
            <span>ran {between(startedAt, endedAt)}</span>
          )}
        </p>
        {error === "" ? null : <p class="why">{error}</p>}
      </div>
      <div class="actions">
        {endedAt === null ? null : <Ago at={endedAt} now={now} />}
        <a class="button quiet" href={`/operator/audit?session=${id}`} aria-label={`Audit log of ${name}`}>
          Audit log
        </a>
      </div>
    </li>
  );
}

const None = ({ filter }: { filter: SessionFilter }) =>
  isNarrowed(filter) ? (
    <p class="nothing">
      No session that has ended is like that. <a href="/operator/sessions/ended">Show everybody's</a>
    </p>
  ) : (
    <div class="lesson">
      <h2>Nothing has ended yet</h2>
      <p>
        Here are the sessions of everybody that ended last, and why those failed that did. Of one user there
        are the last 200, of all together the last 2,000.
      </p>
    </div>
  );

/** The sessions of everybody that ended last. */
export const OperatorEndedSessions = ({ frame, dead, sessions, filter, next, now }: Props) => (
  <OperatorLayout title="Ended sessions" place="sessions" frame={frame} dead={dead}>
    <div class="head">
      <h1>Ended sessions</h1>
      <OtherSessions of="ended" filter={filter} />
    </div>
    <SessionFilters of="ended" filter={filter} />
    {sessions.length === 0 ? (
      <None filter={filter} />
    ) : (
      <ul class="rows">
        {sessions.map((session) => (
          <Row session={session} now={now} />
        ))}
      </ul>
    )}
    <Next href={next} text="Earlier ones" />
  </OperatorLayout>
);

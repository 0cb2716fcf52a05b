import type { OperatorSession } from "../../contract/operator.ts";
import { AskOnce } from "./ask-once.tsx";
import type { Frame } from "./layout.tsx";
import { Next, OperatorLayout } from "./operator-layout.tsx";
import {
  isNarrowed,
  OtherSessions,
  SessionFilters,
  type SessionFilter,
} from "./operator-session-filters.tsx";
import { ReasonField } from "./reason-field.tsx";
import { lookOf, State } from "./state.tsx";
import { Elapsed } from "./time.tsx";

type Props = {
  frame: Frame;
  dead: number;
  sessions: readonly OperatorSession[];
  filter: SessionFilter;
  /** Where the next page is. */
  next: string | null;
  /** The session that has just been canceled. */
  canceled: string | null;
  now: number;
};

/** Cancel, asked once, in place; its owner reads the reason. */
function Cancel({ session }: { session: OperatorSession }) {
  const { user, id, name, userName } = session;
  const owner = userName ?? "its owner";
  return (
    <AskOnce
      id={`cancel-${user}-${id}`}
      button="Cancel"
      label={`Cancel ${name} of ${owner}`}
      question={`Cancel ${name} of ${owner}?`}
      action={`/operator/sessions/${user}/${id}/cancel`}
      does="Cancel the session"
      fields={<ReasonField />}
    >
      The application ends, and what is not saved in it is lost. Saved files stay. {userName ?? "The owner"}{" "}
      sees your name and the reason.
      {session.reachable ? null : " The workspace is not connected: it happens as soon as it is."}
    </AskOnce>
  );
}

function Row({ session, now }: { session: OperatorSession; now: number }) {
  const { name, service, user, userName, resource, placement, node } = session;
  return (
    <li class="session plain">
      <State look={lookOf(session)} />
      <div class="what">
        <span class="name">{name}</span>
        <p class="facts">
          <span>
            <a href={`/operator/sessions?user=${user}`}>{userName ?? user}</a>
          </span>
          <span>{service}</span>
          <span>{resource === null ? placement : `${resource}, ${placement}`}</span>
          {node === null ? null : <span>node {node}</span>}
          {session.reachable ? null : <span>last known: {session.state}</span>}
          <Elapsed at={session.startedAt ?? session.createdAt} now={now} />
        </p>
      </div>
      <div class="actions">{session.canceling ? null : <Cancel session={session} />}</div>
    </li>
  );
}

const None = ({ filter }: { filter: SessionFilter }) =>
  isNarrowed(filter) ? (
    <p class="nothing">
      No live session is like that. <a href="/operator/sessions">Show everybody's</a>
    </p>
  ) : (
    <div class="lesson">
      <h2>Nothing is running</h2>
      <p>
        Here are the sessions of everybody that have not ended, and each can be canceled with a reason that
        its owner reads. What an application shows is its owner's alone.
      </p>
    </div>
  );

/** The live sessions of everybody. */
export const OperatorSessions = ({ frame, dead, sessions, filter, next, canceled, now }: Props) => (
  <OperatorLayout title="Everybody's sessions" place="sessions" frame={frame} dead={dead}>
    <div class="head">
      <h1>Everybody's sessions</h1>
      <OtherSessions of="live" filter={filter} />
    </div>
    {canceled === null ? null : (
      <div class="notice" role="status">
        <p>
          The cancel of <code>{canceled}</code> is noted, and its owner told. It stands here some moments
          later.
        </p>
      </div>
    )}
    <SessionFilters of="live" filter={filter} />
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

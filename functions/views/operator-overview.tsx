import type { Child } from "hono/jsx";
import type { UserId } from "../../contract/person.ts";
import { isEnded, SESSION_STATES } from "../../contract/session.ts";
import type { KnownUser, UserTotals } from "../registry/users.ts";
import type { Frame } from "./layout.tsx";
import { OperatorLayout } from "./operator-layout.tsx";
import { LetIn, LockedMark, LockOut } from "./operator-lock.tsx";
import { Search } from "./search.tsx";
import { State } from "./state.tsx";
import { Ago } from "./time.tsx";

type Props = {
  frame: Frame;
  totals: UserTotals;
  /** Those on line first, then whoever was last heard of. */
  users: readonly KnownUser[];
  /** There are more than are shown. */
  isCut: boolean;
  query: string;
  /** The operator who looks. */
  self: UserId;
  /** Somebody who has just been locked out, or let in. */
  done: KnownUser | null;
  now: number;
};

const LIVE = SESSION_STATES.filter((state) => !isEnded(state));

const liveIn = (sessions: UserTotals["sessions"]): number =>
  LIVE.reduce((sum, state) => sum + sessions[state], 0);

const Figure = ({ name, value, children }: { name: string; value: string; children?: Child }) => (
  <div>
    <dt>{name}</dt>
    <dd>
      <strong>{value}</strong>
      {children === undefined ? null : <small>{children}</small>}
    </dd>
  </div>
);

function Figures({ totals }: { totals: UserTotals }) {
  const states = LIVE.filter((state) => totals.sessions[state] > 0);
  return (
    <dl class="figures">
      <Figure name="Users" value={String(totals.users)} />
      <Figure name="Workspaces connected" value={String(totals.online)}>
        of {totals.agents}
      </Figure>
      <Figure name="Live sessions" value={String(liveIn(totals.sessions))}>
        {states.map((state) => `${totals.sessions[state]} ${state}`).join(", ") || "none"}
      </Figure>
      <Figure name="Undelivered webhooks" value={String(totals.dead)}>
        {totals.dead === 0 ? "all were taken" : <a href="/operator/webhooks">look at them</a>}
      </Figure>
    </dl>
  );
}

const TITLES = ["User", "Workspace", "Agent", "Live sessions", "Last seen"] as const;

/** On oneself there is nothing to do: another operator could let one in again. */
function Actions({ user, self }: Pick<KnownUser, "user"> & Pick<Props, "self">) {
  if (user.id === self) return <span class="mark-this">you</span>;
  return user.lockedOut === null ? <LockOut user={user} /> : <LetIn user={user} />;
}

function Row({ user, workspace, self, now }: KnownUser & Pick<Props, "self" | "now">) {
  const live = liveIn(workspace.sessions);
  const { host, account, version, online, since } = workspace;
  return (
    <tr>
      <th scope="row">
        {user.name ?? "Never logged in"}
        {user.role === "operator" ? <span class="mark-this">operator</span> : null}
        <small>{user.email ?? user.subject ?? user.id}</small>
        {user.lockedOut === null ? null : <LockedMark lockedOut={user.lockedOut} now={now} />}
      </th>
      <td data-title={TITLES[1]}>
        {host ?? "none yet"}
        {account === null ? null : <small>as {account}</small>}
      </td>
      <td data-title={TITLES[2]}>
        {host === null ? "—" : <State look={online ? "reachable" : "not reachable"} />}
        {host === null ? null : (
          <small>
            {version}
            {since === null ? null : (
              <>
                , since <Ago at={since} now={now} />
              </>
            )}
          </small>
        )}
      </td>
      <td data-title={TITLES[3]}>
        {live === 0 ? "none" : <a href={`/operator/sessions?user=${user.id}`}>{live}</a>}
      </td>
      <td data-title={TITLES[4]}>{user.seenAt === null ? "—" : <Ago at={user.seenAt} now={now} />}</td>
      <td class="does">
        <Actions user={user} self={self} />
      </td>
    </tr>
  );
}

const Table = ({ users, self, now }: Pick<Props, "users" | "self" | "now">) => (
  <div class="scroll" tabindex={0} role="region" aria-label="Users and their workspaces">
    <table>
      <thead>
        <tr>
          {TITLES.map((title) => (
            <th scope="col">{title}</th>
          ))}
          <th scope="col">
            <span class="unseen">What can be done</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {users.map((each) => (
          <Row {...each} self={self} now={now} />
        ))}
      </tbody>
    </table>
  </div>
);

const Lesson = () => (
  <div class="lesson">
    <h2>Nobody yet</h2>
    <p>
      A user is here some moments after they have logged in for the first time, with the workspace that their
      agent connects. What stands here is what the workspaces told last; none of it is in anybody's way.
    </p>
  </div>
);

/** What has just been done, to whom. */
const Done = ({ user }: Pick<KnownUser, "user">) => (
  <div class="notice" role="status">
    <p>
      {user.name ?? user.id}{" "}
      {user.lockedOut === null
        ? "may log in again, and their agent comes back by itself. API tokens and shares are made anew."
        : "is locked out. What they had open is closed, and their agent is refused."}
    </p>
  </div>
);

function Users({ users, isCut, query, self, now }: Props) {
  if (users.length === 0 && query === "") return <Lesson />;
  if (users.length === 0)
    return (
      <p class="nothing">
        Nobody matches “{query}”. <a href="/operator">Show everybody</a>
      </p>
    );
  return (
    <>
      <Table users={users} self={self} now={now} />
      {isCut ? <p class="help">The first {users.length}. Search to find others.</p> : null}
    </>
  );
}

/** How the edge is doing, and who is on it. */
export const OperatorOverview = (props: Props) => {
  const { frame, totals, query, done } = props;
  const address = query === "" ? "/operator" : `/operator?q=${encodeURIComponent(query)}`;
  return (
    <OperatorLayout title="Operator" place="overview" frame={frame} dead={totals.dead} refresh={30}>
      <div class="head">
        <h1>Overview</h1>
        <Search action="/operator" fragment="/operator" target="#users" label="Search users" query={query} />
      </div>
      {done === null ? null : <Done user={done.user} />}
      <div
        id="figures"
        hx-get="/operator"
        hx-trigger="every 15s, berth:opened from:body"
        hx-select="#figures"
        hx-swap="outerMorph"
      >
        <Figures totals={totals} />
      </div>
      <div
        id="users"
        class="sheet-table"
        hx-get={address}
        hx-trigger="every 15s, berth:opened from:body"
        hx-select="#users"
        hx-swap="outerMorph"
      >
        <Users {...props} />
      </div>
    </OperatorLayout>
  );
};

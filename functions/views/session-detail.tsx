import type { Child } from "hono/jsx";
import { spellMemory } from "../../contract/memory.ts";
import { isEnded, type SchedulerRequest, type Session } from "../../contract/session.ts";
import { spellWalltime } from "../../contract/walltime.ts";
import { type Frame, Layout } from "./layout.tsx";
import { SessionActions } from "./session-actions.tsx";
import { tellingStatus } from "./session-list.tsx";
import { lookOf, State } from "./state.tsx";
import { Steps } from "./steps.tsx";
import { between, Exact } from "./time.tsx";
import { TimeLeft } from "./time-left.tsx";
import { Trouble } from "./trouble.tsx";
import { counted, Where } from "./where.tsx";

type DetailProps = {
  session: Session;
  /** The title of its service. */
  title: string;
  /** The session was launched to be opened: the page goes there as soon as it runs. */
  opens: boolean;
  now: number;
};

const Fact = ({ name, children }: { name: string; children: Child }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

const Code = ({ text }: { text: string }) => <code>{text}</code>;

/** What the scheduler was asked for. */
function Asked({ scheduler }: { scheduler: SchedulerRequest }) {
  const { partition, account, qos, walltime, directives = [] } = scheduler;
  const { nodes = 1, tasksPerNode = 1, cpusPerTask, memory, gpus = 0, exclusive = false } = scheduler;
  const size = [
    nodes === 1 ? null : counted(nodes, "node"),
    tasksPerNode === 1 ? null : `${counted(tasksPerNode, "task")} each`,
    cpusPerTask === undefined ? null : counted(cpusPerTask, "CPU"),
    memory === undefined ? null : spellMemory(memory),
    gpus === 0 ? null : counted(gpus, "GPU"),
    exclusive ? "nodes of its own" : null,
  ].filter((part) => part !== null);
  return (
    <>
      {partition === undefined ? null : <Fact name="Partition">{partition}</Fact>}
      {account === undefined ? null : <Fact name="Account">{account}</Fact>}
      {qos === undefined ? null : <Fact name="QoS">{qos}</Fact>}
      {walltime === undefined ? null : <Fact name="Walltime">{spellWalltime(walltime)}</Fact>}
      {size.length === 0 ? null : <Fact name="Size">{size.join(" · ")}</Fact>}
      {directives.length === 0 ? null : (
        <Fact name="Directives">
          {directives.map((line) => (
            <div>
              <Code text={line} />
            </div>
          ))}
        </Fact>
      )}
    </>
  );
}

function Facts({ session, title }: Pick<DetailProps, "session" | "title">) {
  const { resource, placement, scheduler, node, jobId, port, url } = session;
  const { startedAt, endedAt, endsAt, createdAt } = session;
  const status = tellingStatus(session);
  const isOver = isEnded(session.state);
  return (
    <dl class="details">
      <Fact name="Service">{title}</Fact>
      <Fact name="Runs on">{resource === null ? placement : `${resource}, ${placement}`}</Fact>
      {scheduler === null ? null : <Asked scheduler={scheduler} />}
      {node === null ? null : (
        <Fact name="Node">
          <Code text={node} />
        </Fact>
      )}
      {jobId === null || placement !== "compute" ? null : (
        <Fact name="Job">
          <Code text={jobId} />
        </Fact>
      )}
      {status === undefined ? null : <Fact name="Status">{status}</Fact>}
      <Fact name="Launched">
        <Exact at={createdAt} />
      </Fact>
      {session.queue.estimatedStart === null || isOver ? null : (
        <Fact name="Starts about">
          <Exact at={session.queue.estimatedStart} />
        </Fact>
      )}
      {startedAt === null ? null : (
        <Fact name="Ready">
          <Exact at={startedAt} />
        </Fact>
      )}
      {endedAt === null ? null : (
        <Fact name="Ended">
          <Exact at={endedAt} />
        </Fact>
      )}
      {startedAt === null || endedAt === null ? null : (
        <Fact name="Ran for">{between(startedAt, endedAt)}</Fact>
      )}
      {endsAt === null || isOver ? null : (
        <Fact name="Ends">
          <Exact at={endsAt} />
        </Fact>
      )}
      {url === null || isOver ? null : (
        <Fact name="Address">
          <Code text={url} />
        </Fact>
      )}
      {port === null || isOver ? null : (
        <Fact name="Port">
          <Code text={String(port)} />
        </Fact>
      )}
      <Fact name="Id">
        <Code text={session.id} />
      </Fact>
    </dl>
  );
}

/** Whose word it was, where it was not the owner's. */
function CanceledBy({ canceledBy }: { canceledBy: NonNullable<Session["canceledBy"]> }) {
  const { name, reason } = canceledBy;
  return (
    <p>
      <strong>
        Canceled by {name}
        {reason === "" ? "." : ":"}
      </strong>{" "}
      {reason}
    </p>
  );
}

/** What the reader has to know before anything else: why it failed, or why what stands here may be old. */
function Notice({ session }: { session: Session }) {
  if (session.state === "failed") {
    return (
      <div class="notice bad">
        <p>
          <strong>It failed{session.error === "" ? "." : ":"}</strong>
        </p>
        {session.error === "" ? null : <pre class="error">{session.error}</pre>}
        {session.node === null && session.startedAt === null ? null : (
          <p>The log below says what happened before.</p>
        )}
      </div>
    );
  }
  const { canceledBy } = session;
  const whose = canceledBy === null ? null : <CanceledBy canceledBy={canceledBy} />;
  if (isEnded(session.state))
    return whose === null || session.state !== "canceled" ? null : <div class="notice">{whose}</div>;
  if (!session.reachable) {
    return (
      <div class="notice">
        {whose}
        <p>
          The workspace is not connected. This is what was last known: {session.state}.
          {session.canceling ? " The cancel takes effect as soon as it is back." : null}
        </p>
      </div>
    );
  }
  return session.canceling ? (
    <div class="notice">
      {whose}
      <p>Canceling. The application is asked to end, and after a while made to.</p>
    </div>
  ) : null;
}

/** A session's state, steps and details. Also a fragment: it fetches itself anew when the session changes. */
function SessionDetail({ session, title, opens, now }: DetailProps) {
  const waits = opens && !isEnded(session.state);
  return (
    <div
      id="session"
      data-state={session.state}
      {...(waits ? { "data-opens": "" } : {})}
      hx-get={`/fragments/sessions/${session.id}${waits ? "?open=1" : ""}`}
      hx-trigger={`berth:session:${session.id} from:body throttle:250ms, berth:agent from:body throttle:250ms, berth:opened from:body`}
      hx-swap="outerMorph"
    >
      <div class="head">
        <div class="what">
          <h1>{session.name}</h1>
          <p class="facts">
            <State look={lookOf(session)} />
            {title === session.name ? null : <span>{title}</span>}
            <Where session={session} brief />
            <TimeLeft session={session} now={now} />
          </p>
          {session.trouble === null ? null : <Trouble text={session.trouble} />}
        </div>
        <SessionActions session={session} back="session" />
      </div>
      <Notice session={session} />
      <div class="sheet">
        <div>
          <Steps session={session} now={now} />
          {waits ? <p class="help">Opens by itself as soon as it is ready.</p> : null}
        </div>
        <Facts session={session} title={title} />
      </div>
    </div>
  );
}

function Log({ session }: { session: Session }) {
  const href = `/api/sessions/${session.id}/logs`;
  return (
    <div class="log">
      <div class="head">
        <h2>Log</h2>
        <label class="scripted">
          <input type="checkbox" id="follow" checked /> Follow
        </label>
        <a href={href} target="_blank" rel="noopener">
          As text
        </a>
      </div>
      <pre class="scripted" data-log={`${href}?follow=1`} tabindex={0} role="region" aria-label="Log" />
      <p id="log-note" class="help" hidden>
        The log is on the workspace, and cannot be read while the workspace is away.
      </p>
      <p class="help unscripted">
        <a href={href}>Show the log as text</a>
      </p>
    </div>
  );
}

/** Seconds between two looks of a page without scripts. */
const LOOK_AGAIN = 5;

/** The page of one session. */
export function SessionDetailPage({ frame, ...props }: DetailProps & { frame: Frame }) {
  const { session } = props;
  const settled = isEnded(session.state);
  return (
    <Layout
      title={`${session.name}: ${lookOf(session)}`}
      frame={frame}
      refresh={settled ? undefined : LOOK_AGAIN}
    >
      <SessionDetail {...props} />
      <Log session={session} />
    </Layout>
  );
}

/** The fragment, with the title that the browser's tab is to have now. */
export const SessionDetailFragment = (props: DetailProps) => (
  <>
    <title>{`${props.session.name}: ${lookOf(props.session)} · Berth`}</title>
    <SessionDetail {...props} />
  </>
);

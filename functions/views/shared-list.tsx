import type { SharedSession, SharedWithMe } from "../../contract/share.ts";
import { type Frame, Layout } from "./layout.tsx";
import { lookOf, State } from "./state.tsx";
import { Left } from "./time.tsx";

type Props = { shared: SharedWithMe; now: number };

const Row = ({ shared, now }: { shared: SharedSession; now: number }) => (
  <li class="session plain">
    <State look={lookOf({ ...shared, canceling: false })} />
    <div class="what">
      <span class="name">{shared.name}</span>
      <p class="facts">
        {shared.name === shared.service ? null : <span>{shared.service}</span>}
        <span>of {shared.owner}</span>
        <span>{shared.mode === "use" ? "you may use it" : "you may look"}</span>
        <span>
          ends in <Left at={shared.endsAt} now={now} />
        </span>
      </p>
    </div>
    <div class="actions">
      <a class="button" href={shared.url} aria-label={`Open ${shared.name} of ${shared.owner}`}>
        Open
      </a>
    </div>
  </li>
);

const Incomplete = () => (
  <p class="help incomplete">
    There may be more: not everybody's workspace could be asked just now. <a href="/shared">Ask again</a>
  </p>
);

const Rows = ({ shared: { sessions, complete }, now }: Props) => (
  <>
    {sessions.length === 0 ? null : (
      <ul class="rows">
        {sessions.map((shared) => (
          <Row shared={shared} now={now} />
        ))}
      </ul>
    )}
    {complete ? null : <Incomplete />}
  </>
);

/** What others share with the reader. Also a fragment: where there is nothing, nothing is shown. */
export const SharedList = ({ shared, now }: Props) =>
  shared.sessions.length === 0 ? (
    <section id="shared" class="shared">
      {shared.complete ? null : <Incomplete />}
    </section>
  ) : (
    <section id="shared" class="shared" aria-labelledby="shared-title">
      <h2 id="shared-title">Shared with you</h2>
      <Rows shared={shared} now={now} />
    </section>
  );

/** Where the list comes, once the page is there: nobody waits for other people's workspaces to see their own. */
export const SharedLater = () => (
  <section id="shared" class="shared" hx-get="/fragments/shared" hx-trigger="load" hx-swap="outerHTML">
    <p class="unscripted">
      <a href="/shared">What others share with you</a>
    </p>
  </section>
);

const Lesson = () => (
  <div class="lesson">
    <h2>Nothing is shared with you</h2>
    <p>
      A colleague can share a running session with you, or with a group of yours, on its page. It then stands
      here and with your own sessions, until the share ends.
    </p>
    <a class="button" href="/">
      Go to the sessions
    </a>
  </div>
);

/** The same on a page of its own. */
export const SharedPage = ({ frame, shared, now }: Props & { frame: Frame }) => (
  <Layout title="Shared with you" frame={frame}>
    <div class="head">
      <h1>Shared with you</h1>
    </div>
    {shared.sessions.length === 0 && shared.complete ? <Lesson /> : <Rows shared={shared} now={now} />}
  </Layout>
);

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
  <p class="help">
    There may be more: not everybody's workspace could be asked just now. <a href="/shared">Ask again</a>
  </p>
);

/** What others share with the reader. Also a fragment: where there is nothing, nothing is shown. */
export const SharedList = ({ shared: { sessions, complete }, now }: Props) => (
  <section id="shared" class="shared" aria-labelledby={sessions.length === 0 ? undefined : "shared-title"}>
    {sessions.length === 0 ? null : (
      <>
        <h2 id="shared-title">Shared with you</h2>
        <ul class="rows">
          {sessions.map((shared) => (
            <Row shared={shared} now={now} />
          ))}
        </ul>
      </>
    )}
    {complete ? null : <Incomplete />}
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

/** The same on a page of its own. */
export const SharedPage = ({ frame, shared, now }: Props & { frame: Frame }) => (
  <Layout title="Shared with you" frame={frame}>
    {shared.sessions.length === 0 && shared.complete ? (
      <div class="lesson">
        <h1>Nothing is shared with you</h1>
        <p>
          A colleague can share a running session with you, or with a group of yours, on its page. It then
          stands here and under your sessions, until they end it.
        </p>
        <a class="button" href="/">
          Go to the sessions
        </a>
      </div>
    ) : (
      <SharedList shared={shared} now={now} />
    )}
  </Layout>
);

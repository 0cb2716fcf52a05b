import type { DeadWebhook } from "../../contract/operator.ts";
import { AskOnce } from "./ask-once.tsx";
import type { Frame } from "./layout.tsx";
import { Next, OperatorLayout } from "./operator-layout.tsx";
import { Ago } from "./time.tsx";

type Props = {
  frame: Frame;
  dead: number;
  found: { items: readonly DeadWebhook[]; unanswered: readonly string[] };
  /** Where the next page is. */
  next: string | null;
  now: number;
};

const Discard = ({ webhook, action }: { webhook: DeadWebhook; action: string }) => (
  <AskOnce
    id={`discard-${webhook.id}`}
    button="Discard"
    label={`Discard ${webhook.id}`}
    question="Discard this message?"
    action={`${action}/discard`}
    does="Discard"
  >
    The platform is never told of it. The session itself is not touched.
  </AskOnce>
);

function Row({ webhook, now }: { webhook: DeadWebhook; now: number }) {
  const { id, type, user, userName, session, attempts, error, diedAt } = webhook;
  const action = `/operator/webhooks/${user}/${id}`;
  return (
    <li class="session plain">
      <code class="kind">{type}</code>
      <div class="what">
        <p class="name">{error}</p>
        <p class="facts">
          <span>{userName ?? user}</span>
          <span>
            session <code>{session}</code>
          </span>
          <span>{attempts === 1 ? "1 attempt" : `${attempts} attempts`}</span>
          <span>
            given up <Ago at={diedAt} now={now} />
          </span>
        </p>
        <p class="facts">
          <code>{id}</code>
        </p>
      </div>
      <div class="actions">
        <form method="post" action={`${action}/redeliver`}>
          <button class="button" aria-label={`Send ${id} again`}>
            Send again
          </button>
        </form>
        <Discard webhook={webhook} action={action} />
      </div>
    </li>
  );
}

const Lesson = () => (
  <div class="lesson">
    <h2>Everything was delivered</h2>
    <p>
      What Berth tells the platform of sessions is tried again and again for hours. What it still does not
      take waits here: send it again once the platform is well, or discard it.
    </p>
  </div>
);

/** The webhooks that the platform did not take. */
export const OperatorWebhooks = ({ frame, dead, found, next, now }: Props) => (
  <OperatorLayout title="Undelivered webhooks" place="webhooks" frame={frame} dead={dead} refresh={30}>
    <div class="head">
      <h1>Undelivered webhooks</h1>
    </div>
    {found.unanswered.length === 0 ? null : (
      <div class="notice">
        <p>
          Could not ask{" "}
          {found.unanswered.length === 1 ? "one workspace" : `${found.unanswered.length} workspaces`} for
          theirs. Load the page again in a minute.
        </p>
      </div>
    )}
    {found.items.length > 0 ? (
      <ul class="rows">
        {found.items.map((webhook) => (
          <Row webhook={webhook} now={now} />
        ))}
      </ul>
    ) : null}
    {found.items.length === 0 && found.unanswered.length === 0 && next === null ? <Lesson /> : null}
    <Next href={next} text="Those of more users" />
  </OperatorLayout>
);

import { isEnded, type Session } from "../../contract/session.ts";
import { type Share, spellWith } from "../../contract/share.ts";
import { AskOnce } from "./ask-once.tsx";
import { Command } from "./command.tsx";
import { type Frame, Layout } from "./layout.tsx";
import { type FilledShare, ShareForm } from "./share-form.tsx";
import { lookOf, State } from "./state.tsx";
import { Left } from "./time.tsx";

export type ShareProps = {
  frame: Frame;
  session: Session;
  /** Oldest first. */
  shares: readonly Share[];
  /** The link for the guests of this session. */
  url: string;
  /** Why nothing is shared at this edge; null where sharing is offered. */
  refusal: string | null;
  filled?: FilledShare | undefined;
  now: number;
};

function End({ share }: { share: Share }) {
  const whom = spellWith(share.with);
  return (
    <AskOnce
      id={`end-${share.id}`}
      button="End"
      label={`End sharing with ${whom}`}
      question={`End sharing with ${whom}?`}
      action={`/sessions/${share.session}/share/${share.id}/end`}
      does="End it"
    >
      What they have open is closed at once. The session goes on.
    </AskOnce>
  );
}

const Row = ({ share, now }: { share: Share; now: number }) => (
  <li class="entry">
    <div class="what">
      <p class="name">{spellWith(share.with)}</p>
      <p class="facts">
        <span>{share.mode === "use" ? "may use it as you do" : "may look"}</span>
        <span>
          ends in <Left at={share.endsAt} now={now} />
        </span>
        <span>
          {share.guests.length === 0 ? "nobody has come yet" : `opened by ${share.guests.join(", ")}`}
        </span>
      </p>
    </div>
    <End share={share} />
  </li>
);

const Shares = ({ shares, url, now }: Pick<ShareProps, "shares" | "url" | "now">) => (
  <section class="panel" aria-labelledby="shared-title">
    <div class="head">
      <h2 id="shared-title">Shared with</h2>
    </div>
    <p class="help">Send them this link. They log in as themselves; it is of no use to anybody else.</p>
    <Command text={url} />
    <ul class="entries">
      {shares.map((share) => (
        <Row share={share} now={now} />
      ))}
    </ul>
  </section>
);

/** Why there is no form. */
const Refusal = ({ text }: { text: string }) => (
  <div class="notice">
    <p>
      <strong>This session cannot be shared:</strong> {text}.
    </p>
  </div>
);

/** With whom one session is shared, and the form to share it. */
export function SharePage({ frame, session, shares, url, refusal, filled, now }: ShareProps) {
  const why =
    refusal ?? (isEnded(session.state) || session.canceling ? "it has ended, or is about to" : null);
  return (
    <Layout title={`Share ${session.name}`} frame={frame}>
      <div class="share-page">
        <div class="head">
          <div class="what">
            <h1>Share {session.name}</h1>
            <p class="facts">
              <State look={lookOf(session)} />
              <a href={`/sessions/${session.id}`}>Details and log</a>
            </p>
          </div>
        </div>
        {shares.length === 0 ? null : <Shares shares={shares} url={url} now={now} />}
        {why === null ? (
          <section class="panel" aria-labelledby="form-title">
            <div class="head">
              <h2 id="form-title">Share it with {shares.length === 0 ? "somebody" : "somebody else"}</h2>
            </div>
            <ShareForm session={session.id} filled={filled} />
          </section>
        ) : (
          <Refusal text={why} />
        )}
      </div>
    </Layout>
  );
}

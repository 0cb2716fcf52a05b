import type { Child } from "hono/jsx";
import type { EnrolledAgent } from "../../contract/enrolment.ts";
import type { Asking } from "../registry/enrolments.ts";
import { Command } from "./command.tsx";
import { type Frame, Layout } from "./layout.tsx";
import { Ago } from "./time.tsx";

/** What is run on the machine that is to join. */
export const joinCommand = (consoleUrl: string): string => `./berth join ${consoleUrl}`;

type PageProps = { frame: Frame; title: string; children: Child };

const Page = ({ frame, title, children }: PageProps) => (
  <Layout title={title} frame={frame} isAboutAgent>
    <div class="narrow">
      <div class="head">
        <h1>{title}</h1>
      </div>
      {children}
    </div>
  </Layout>
);

type CodeProps = { frame: Frame; consoleUrl: string; typed: string; wrong: string | null };

/** Asks for the code that `berth join` has printed. */
export const JoinCodePage = ({ frame, consoleUrl, typed, wrong }: CodeProps) => (
  <Page frame={frame} title="Connect a workspace">
    <p class="lead">
      A workspace is the machine on which your applications run, or from which they are sent to a cluster. Run
      this there; it prints a code.
    </p>
    <Command text={joinCommand(consoleUrl)} />
    <form class="launch" method="get" action="/join">
      <div class="field">
        <label for="code">Code</label>
        <input
          id="code"
          name="code"
          value={typed}
          required
          maxlength={16}
          autocomplete="off"
          autocapitalize="characters"
          spellcheck={false}
          placeholder="XXXX-XXXX"
          {...(wrong === null ? {} : { "aria-invalid": "true" as const, "aria-describedby": "wrong" })}
        />
        {wrong === null ? null : (
          <p id="wrong" class="wrong" role="alert">
            {wrong}
          </p>
        )}
      </div>
      <div class="actions">
        <button class="button primary">Continue</button>
      </div>
    </form>
  </Page>
);

const Fact = ({ name, children }: { name: string; children: Child }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

/** Who asks, in the words by which it can be recognised on the machine itself. */
const Facts = ({ asking, now }: { asking: Asking; now: number }) => (
  <dl class="details asking">
    <Fact name="Host">
      <code>{asking.host}</code>
    </Fact>
    <Fact name="User there">
      <code>{asking.user}</code>
    </Fact>
    <Fact name="Key">
      <code>{asking.fingerprint}</code>
    </Fact>
    <Fact name="Address">{asking.from === null ? "not known" : <code>{asking.from}</code>}</Fact>
    <Fact name="Asked">
      <Ago at={new Date(asking.since).toISOString()} now={now} />, with agent version {asking.version}
    </Fact>
  </dl>
);

/** The very machine that is the workspace asks once more. */
const Again = () => (
  <div class="notice" role="note">
    <p>
      <strong>This machine is your workspace already.</strong> Approving it gives it a new token; the one that
      it has counts no more.
    </p>
  </div>
);

/** On one's own machine: the agent that came with the instance would go. */
const OwnInstance = () => (
  <div class="notice" role="note">
    <p>
      <strong>The agent that npm start has started is connected.</strong> There is one at a time: the new one
      takes its place, and its sessions go out of reach.
    </p>
  </div>
);

/** The agent that the workspace has, and that would go. */
const Other = ({ other, now }: { other: EnrolledAgent; now: number }) => (
  <div class="notice" role="note">
    <p>
      <strong>
        Your workspace has an agent already: {other.user}@{other.host}
      </strong>
      ,{" "}
      {other.seen === null ? (
        "which has never connected."
      ) : (
        <>
          last connected <Ago at={new Date(other.seen).toISOString()} now={now} />.
        </>
      )}
    </p>
    <p>
      There is one at a time. Replacing it ends its connection and its right to come back; sessions that it
      runs go on there, out of reach.
    </p>
  </div>
);

type AskProps = { frame: Frame; asking: Asking; other: EnrolledAgent | null; now: number };

const isReplaced = (asking: Asking, other: EnrolledAgent | null): boolean =>
  other !== null && other.fingerprint !== asking.fingerprint;

/** What the approval would change. */
function Consequence({ frame, asking, other, now }: AskProps) {
  if (other === null) return frame.agent.online ? <OwnInstance /> : null;
  return isReplaced(asking, other) ? <Other other={other} now={now} /> : <Again />;
}

/** Shows who asks, and asks for the decision. */
export const JoinAskPage = ({ frame, asking, other, now }: AskProps) => (
  <Page frame={frame} title={`Connect ${asking.host}?`}>
    <p class="lead">
      Approve it only if you have just run <code>berth join</code> yourself, and it shows the very same
      fingerprint. Whoever runs that machine as this user sees what you type into your applications.
    </p>
    <Facts asking={asking} now={now} />
    <Consequence {...{ frame, asking, other, now }} />
    <form method="post" action="/join">
      <input type="hidden" name="code" value={asking.userCode} />
      <input type="hidden" name="replaces" value={other?.id ?? ""} />
      <div class="actions">
        <button class="button primary" name="decision" value="approve">
          {isReplaced(asking, other) ? "Replace it" : "Approve"}
        </button>
        <button class="button" name="decision" value="deny">
          {isReplaced(asking, other) ? "Keep it, deny this one" : "Deny"}
        </button>
      </div>
    </form>
  </Page>
);

const SAID = { approved: "Approved", denied: "Denied" } as const;

export type Said = keyof typeof SAID;
export const isSaid = (text: string): text is Said => Object.hasOwn(SAID, text);

const ToSessions = () => (
  <div class="actions">
    <a class="button primary" href="/">
      Go to the sessions
    </a>
  </div>
);

/** What is left to do on a machine that was let in; it changes by itself when its agent has connected. */
const Approved = ({ frame }: { frame: Frame }) => (
  <div
    id="approved"
    hx-get="/join?said=approved"
    hx-trigger="berth:agent from:body throttle:250ms, berth:opened from:body"
    hx-select="#approved"
    hx-swap="outerMorph"
  >
    {frame.agent.online ? (
      <>
        <p class="lead" role="status">
          The workspace {frame.agent.host} is connected. What you launch runs there.
        </p>
        <ToSessions />
      </>
    ) : (
      <>
        <p class="lead" role="status">
          The terminal there asks within seconds whether this was you. Say yes, then start its agent:
        </p>
        <Command text="./berth up --detach" />
        <p class="help">This page says when it is connected.</p>
      </>
    )}
  </div>
);

/** What became of the decision. */
export const JoinDonePage = ({ frame, said }: { frame: Frame; said: Said }) => (
  <Page frame={frame} title={SAID[said]}>
    {said === "approved" ? (
      <Approved frame={frame} />
    ) : (
      <>
        <p class="lead" role="status">
          The machine gets nothing, and is told so.
        </p>
        <ToSessions />
      </>
    )}
  </Page>
);

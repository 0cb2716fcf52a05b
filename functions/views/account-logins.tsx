import type { BrowserLogin } from "../../contract/account.ts";
import { AskOnce } from "./ask-once.tsx";
import { browserName } from "./account-browser.ts";
import { Ago } from "./time.tsx";

type Props = {
  /** The last used first. */
  logins: readonly BrowserLogin[];
  now: number;
};

function Row({ login, now }: { login: BrowserLogin; now: number }) {
  const { id, current, agent, from, createdAt, usedAt } = login;
  const name = browserName(agent);
  return (
    <li class="entry">
      <div class="what">
        <p class="name" title={agent}>
          {name}
          {current ? <span class="mark-this">this browser</span> : null}
        </p>
        <p class="facts">
          {from === null ? null : <span>from {from}</span>}
          <span>
            logged in <Ago at={createdAt} now={now} />
          </span>
          <span>
            used <Ago at={usedAt} now={now} />
          </span>
        </p>
      </div>
      {current ? (
        <form method="post" action="/logout">
          <button class="button quiet">Log out</button>
        </form>
      ) : (
        <form method="post" action={`/account/logins/${id}/end`}>
          <button class="button quiet" aria-label={`End the login of ${name}`}>
            End
          </button>
        </form>
      )}
    </li>
  );
}

const Everywhere = () => (
  <AskOnce
    id="everywhere"
    isProminent
    button="Log out everywhere"
    label="Log out everywhere"
    question="Log out everywhere, here too?"
    action="/logout"
    does="Log out everywhere"
    keeps="Stay"
    fields={<input type="hidden" name="everywhere" value="1" />}
  >
    What is open in any browser is cut off. Sessions go on, and so do API tokens.
  </AskOnce>
);

/** The browsers in which somebody is logged in, each with its end. */
export const LoginsSection = ({ logins, now }: Props) => (
  <section id="logins" class="panel" aria-labelledby="logins-title">
    <div class="head">
      <h2 id="logins-title">Logins</h2>
      <Everywhere />
    </div>
    <p class="help">The browsers in which you are logged in. End one that you do not know.</p>
    <ul class="entries">
      {logins.map((login) => (
        <Row login={login} now={now} />
      ))}
    </ul>
  </section>
);

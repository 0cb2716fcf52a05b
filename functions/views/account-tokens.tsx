import type { ApiToken, CreatedToken } from "../../contract/account.ts";
import type { Role, Scope } from "../../contract/person.ts";
import { AskOnce } from "./ask-once.tsx";
import { type FilledToken, TokenForm } from "./account-token-form.tsx";
import { Command } from "./command.tsx";
import { Ago, Left } from "./time.tsx";

type Props = {
  role: Role;
  /** Newest first. */
  tokens: readonly ApiToken[];
  /** The one that was just made: the only time that it is shown. */
  created: CreatedToken | undefined;
  filled: FilledToken | undefined;
  /** This edge's origin. */
  edge: string;
  now: number;
};

/** What a token may do, in words; the most that it may says the rest. */
function mayText(scopes: readonly Scope[]): string {
  const most = scopes.includes("launch") ? "looks and launches" : "looks";
  return scopes.includes("operator") ? `${most}, operates` : most;
}

function Expiry({ expiresAt, now }: { expiresAt: string | null; now: number }) {
  if (expiresAt === null) return <span>does not expire</span>;
  if (Date.parse(expiresAt) <= now)
    return (
      <span class="over">
        expired <Ago at={expiresAt} now={now} />
      </span>
    );
  return (
    <span>
      expires in <Left at={expiresAt} now={now} />
    </span>
  );
}

function Revoke({ token, isOver }: { token: ApiToken; isOver: boolean }) {
  const action = `/account/tokens/${token.id}/revoke`;
  if (isOver)
    return (
      <form method="post" action={action}>
        <button class="button quiet" aria-label={`Remove ${token.name}`}>
          Remove
        </button>
      </form>
    );
  return (
    <AskOnce
      id={`revoke-${token.id}`}
      button="Revoke"
      label={`Revoke ${token.name}`}
      question={`Revoke ${token.name}?`}
      action={action}
      does="Revoke the token"
    >
      Programs that use it are cut off at once. It cannot be brought back; another can be made.
    </AskOnce>
  );
}

function Row({ token, now }: { token: ApiToken; now: number }) {
  const { name, scopes, createdAt, usedAt, expiresAt } = token;
  return (
    <li class="entry">
      <div class="what">
        <p class="name">{name}</p>
        <p class="facts">
          <span>{mayText(scopes)}</span>
          <span>
            made <Ago at={createdAt} now={now} />
          </span>
          <span>
            {usedAt === null ? (
              "never used"
            ) : (
              <>
                used <Ago at={usedAt} now={now} />
              </>
            )}
          </span>
          <Expiry expiresAt={expiresAt} now={now} />
        </p>
      </div>
      <Revoke token={token} isOver={expiresAt !== null && Date.parse(expiresAt) <= now} />
    </li>
  );
}

const Created = ({ created, edge }: { created: CreatedToken; edge: string }) => (
  <div class="created" role="status">
    <p>
      <strong>{created.name} is made.</strong> Copy it now: it is not shown again.
    </p>
    <Command text={created.token} />
    <p class="help">On the command line, this asks for it:</p>
    <Command text={`./berth login ${edge}`} />
    <p class="help">
      A program sends it with each request, as the header <code>Authorization: Bearer …</code>
    </p>
  </div>
);

/** The API tokens: what there is, and the form for another. */
export function TokensSection({ role, tokens, created, filled, edge, now }: Props) {
  const isOpen = filled !== undefined || (tokens.length === 0 && created === undefined);
  return (
    <section id="tokens" class="panel" aria-labelledby="tokens-title">
      <div class="head">
        <h2 id="tokens-title">API tokens</h2>
      </div>
      <p class="help">
        With a token the command line and scripts act for you. Whoever has it may do what it may: keep it as
        you keep a password. What can be asked is described at <a href="/openapi.json">/openapi.json</a>.
      </p>
      {created === undefined ? null : <Created created={created} edge={edge} />}
      {tokens.length === 0 ? null : (
        <ul class="entries">
          {tokens.map((token) => (
            <Row token={token} now={now} />
          ))}
        </ul>
      )}
      <details class="make" open={isOpen}>
        <summary>Make {tokens.length === 0 ? "a" : "another"} token</summary>
        <TokenForm role={role} filled={filled} />
      </details>
    </section>
  );
}

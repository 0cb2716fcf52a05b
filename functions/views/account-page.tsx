import type { Child } from "hono/jsx";
import type { ApiToken, BrowserLogin, CreatedToken } from "../../contract/account.ts";
import { accountOf, type Person, type Role } from "../../contract/person.ts";
import { LoginsSection } from "./account-logins.tsx";
import type { FilledToken } from "./account-token-form.tsx";
import { TokensSection } from "./account-tokens.tsx";
import { type Frame, Layout } from "./layout.tsx";

export type AccountProps = {
  frame: Frame;
  /** Null before the first login. */
  person: Person | null;
  role: Role;
  logins: readonly BrowserLogin[];
  tokens: readonly ApiToken[];
  created?: CreatedToken | undefined;
  filled?: FilledToken | undefined;
  edge: string;
  now: number;
  /** More sections, between the logins and the tokens; each is a component of its own. */
  children?: Child;
};

const ROLES = { user: "user", operator: "operator of this edge" } as const satisfies Record<Role, string>;

function Who({ person, role }: { person: Person | null; role: Role }) {
  if (person === null || person.issuer === "local")
    return (
      <p class="facts">
        <span>The user of this machine</span>
        <span>{ROLES[role]}</span>
      </p>
    );
  return (
    <p class="facts">
      <span>
        <b>{person.name}</b>
      </span>
      {accountOf(person) === person.name ? null : <span>{accountOf(person)}</span>}
      <span>{ROLES[role]}</span>
    </p>
  );
}

/** Somebody's own account: who they are, where they are logged in, what acts for them. */
export const AccountPage = (props: AccountProps) => (
  <Layout title="Account" frame={props.frame}>
    <div class="account-page">
      <div class="head">
        <div class="what">
          <h1>Account</h1>
          <Who person={props.person} role={props.role} />
        </div>
      </div>
      <LoginsSection logins={props.logins} now={props.now} />
      {props.children}
      <TokensSection
        role={props.role}
        tokens={props.tokens}
        created={props.created}
        filled={props.filled}
        edge={props.edge}
        now={props.now}
      />
    </div>
  </Layout>
);

import { Hono } from "hono";
import { type CreatedToken, NewToken } from "../../contract/account.ts";
import { BerthError, invalid, type Problem } from "../../contract/problem.ts";
import type { AppEnv } from "../env.ts";
import { sessionHostsOf } from "../hosts.ts";
import { AccountPage } from "../views/account-page.tsx";
import type { FilledToken } from "../views/account-token-form.tsx";
import { WorkspaceSection } from "../views/account-workspace.tsx";
import { problemPage } from "../views/problem-page.tsx";
import { SingleHostNotice } from "../views/single-host-notice.tsx";
import { partOf } from "../workspace/parts.ts";
import { currentLogin, requireBrowser } from "./account.ts";
import { type Console, formOf, frameFor, page } from "./page.ts";

const accountOf = (c: Console) => partOf(c.env, c.var.visitor.user, "account");

const agentsOf = (c: Console) => partOf(c.env, c.var.visitor.user, "agents");

type Shown = { created?: CreatedToken; filled?: FilledToken };

async function accountPage(c: Console, { created, filled }: Shown = {}): Promise<Response> {
  requireBrowser(c);
  const [frame, { person, logins, tokens }, agents] = await Promise.all([
    frameFor(c, null),
    accountOf(c).overview(currentLogin(c)),
    agentsOf(c).list(),
  ]);
  const now = Date.now();
  const edge = new URL(c.req.url).origin;
  const view = (
    <AccountPage
      {...{
        frame,
        person,
        role: c.var.admitted.role,
        logins,
        tokens,
        created,
        filled,
        edge,
        now,
      }}
    >
      {sessionHostsOf(c.env) === "none" ? <SingleHostNotice /> : null}
      <WorkspaceSection agents={agents} online={frame.agent.online} edge={edge} now={now} />
    </AccountPage>
  );
  return page(c, view, filled?.problem.status ?? (created === undefined ? 200 : 201));
}

const textIn = (form: FormData, name: string): string => {
  const value = form.get(name);
  return typeof value === "string" ? value : "";
};

/** The token is in the answer to its very form: a redirect would have to carry it. */
async function createToken(c: Console): Promise<Response> {
  requireBrowser(c);
  const form = await formOf(c);
  const [name, days] = [textIn(form, "name"), textIn(form, "days")];
  const scopes = form.getAll("scope").filter((scope) => typeof scope === "string");
  const refuse = (problem: Problem): Promise<Response> =>
    accountPage(c, { filled: { name, scopes, days, problem } });
  const wanted = NewToken.safeParse({
    name,
    scopes,
    ...(days === "" ? {} : { expiresInDays: Number(days) }),
  });
  if (!wanted.success) return refuse(invalid("invalid_request", wanted.error).problem);
  const { visitor, admitted, caller } = c.var;
  const made = await accountOf(c).createToken(visitor.user, wanted.data, { may: admitted.scopes, caller });
  return made.ok ? accountPage(c, { created: made.value }) : refuse(made.problem);
}

const gone = (c: Console, what: string): Promise<Response> => {
  const { problem } = new BerthError("not_found", `this ${what} is not there any more`);
  return page(c, problemPage(problem), problem.status);
};

async function revokeToken(c: Console): Promise<Response> {
  requireBrowser(c);
  const isRevoked = await accountOf(c).revokeToken(c.req.param("id") ?? "", c.var.caller);
  return isRevoked ? c.redirect("/account#tokens", 303) : gone(c, "token");
}

async function endLogin(c: Console): Promise<Response> {
  requireBrowser(c);
  const isEnded = await accountOf(c).endLogin(c.req.param("id") ?? "", c.var.caller);
  return isEnded ? c.redirect("/account#logins", 303) : gone(c, "login");
}

async function revokeAgent(c: Console): Promise<Response> {
  requireBrowser(c);
  const isRevoked = await agentsOf(c).revoke(c.req.param("id") ?? "", c.var.caller);
  return isRevoked ? c.redirect("/account#workspace", 303) : gone(c, "agent");
}

/** The account page and its forms, for browsers. Mounted at `/`, behind the login. */
export function accountPages(): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.get("/account", (c) => accountPage(c));
  routes.post("/account", createToken);
  routes.post("/account/tokens/:id/revoke", revokeToken);
  routes.post("/account/logins/:id/end", endLogin);
  routes.post("/account/agents/:id/revoke", revokeAgent);
  return routes;
}

import { env } from "cloudflare:workers";
import type { Person, Role } from "../../../contract/person.ts";
import { issueCookie } from "../../../functions/auth/cookie.ts";
import { userIdOf } from "../../../functions/auth/person-id.ts";
import { partOf } from "../../../functions/workspace/parts.ts";
import { Browser } from "./browser.ts";
import { CONSOLE } from "./edge.ts";

const ISSUER = "https://id.example.org";

/** Somebody whom the identity provider knows. */
export async function person(
  name: string,
  changes: { role?: Role; groups?: string[] } = {},
): Promise<Person> {
  return {
    id: await userIdOf(ISSUER, name),
    issuer: ISSUER,
    subject: name,
    name: name.charAt(0).toUpperCase() + name.slice(1),
    email: `${name}@example.org`,
    groups: [],
    role: "user",
    ...changes,
  };
}

/** A browser in which somebody has just logged in, as the identity provider's callback does it. */
export async function browserOf(somebody: Person): Promise<Browser> {
  const access = partOf(env, somebody.id, "access");
  const entered = await access.login(somebody, { agent: "a browser", from: null, idToken: null });
  if (!entered.ok) throw new Error(entered.problem.detail);
  const browser = new Browser();
  const moment = { secure: CONSOLE.startsWith("https:"), now: Date.now() };
  browser.keep(
    new URL(CONSOLE).host,
    await issueCookie(env.BERTH_COOKIE_SECRET, "console", entered.value, moment),
  );
  return browser;
}

import { env } from "cloudflare:workers";
import { CreatedToken } from "../../../contract/account.ts";
import type { Person, Scope } from "../../../contract/person.ts";
import type { Browser } from "./browser.ts";
import { ask, CONSOLE } from "./edge.ts";

/** What the console's own page sends with a change. */
export const FROM_THE_PAGE = {
  accept: "application/json",
  origin: CONSOLE,
  "content-type": "application/json",
};

export const postFrom = (browser: Browser, path: string, json: unknown = {}): Promise<Response> =>
  browser.go(CONSOLE + path, { method: "POST", headers: FROM_THE_PAGE, body: JSON.stringify(json) });

/** A token as somebody makes it in their browser. Fails on anything but 201. */
export async function tokenOf(
  browser: Browser,
  scopes: readonly Scope[],
  more: { name?: string; expiresInDays?: number } = {},
): Promise<CreatedToken> {
  const response = await postFrom(browser, "/api/tokens", { name: "nightly", scopes, ...more });
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  return CreatedToken.parse(await response.json());
}

export const revoke = (browser: Browser, id: string): Promise<Response> =>
  browser.go(`${CONSOLE}/api/tokens/${id}`, { method: "DELETE", headers: FROM_THE_PAGE });

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** Asks the console's host as a program with this token does. */
export const askWith = (token: string, path: string, method = "GET"): Promise<Response> =>
  ask(CONSOLE + path, { method, headers: bearer(token) });

export const workspaceOf = ({ id }: Person) => env.WORKSPACE.getByName(id);

import { env, exports } from "cloudflare:workers";
import type { z } from "zod";
import { Problem } from "../../../contract/problem.ts";
import { type LaunchRequest, Session } from "../../../contract/session.ts";

/** The two hosts of wrangler's bindings in vitest.config.ts, by a port as `npm start` has it. */
export const CONSOLE = "http://localhost:8787";
export const SESSIONS = "http://sessions.localhost:8787";

export const asApi = { authorization: `Bearer ${env.BERTH_API_TOKEN}` };
export const asAgent = { authorization: `Bearer ${env.BERTH_AGENT_TOKEN}` };

/** The one workspace's object. */
export const workspace = () => env.WORKSPACE.getByName("local");

/** Asks the Worker, as it is deployed; redirects are answers like any other. */
export const ask = (url: string, init: RequestInit = {}): Promise<Response> =>
  exports.default.fetch(new Request(url, { redirect: "manual", ...init }));

/** Asks the API as a program does: with its token; a `json` body is spelled and named. */
export function api(
  method: string,
  path: string,
  options: { json?: unknown; body?: BodyInit; headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Response> {
  const { json, body, headers, signal } = options;
  const typed = json === undefined ? {} : { "content-type": "application/json" };
  const content = json === undefined ? body : JSON.stringify(json);
  return ask(CONSOLE + path, {
    method,
    headers: { ...asApi, ...typed, ...headers },
    ...(content === undefined ? {} : { body: content }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Launches and returns the session. Fails on anything but 201. */
export async function launch(request: z.input<typeof LaunchRequest>): Promise<Session> {
  const response = await api("POST", "/api/sessions", { json: request });
  if (response.status !== 201) throw new Error(`launch: ${response.status} ${await response.text()}`);
  return Session.parse(await response.json());
}

export async function sessionNamed(id: string): Promise<Session> {
  return Session.parse(await (await api("GET", `/api/sessions/${id}`)).json());
}

/** The problem document of an answer; fails on anything else. */
export async function problemOf(response: Response): Promise<Problem> {
  const type = response.headers.get("content-type");
  if (type !== "application/problem+json")
    throw new Error(`${response.status} ${type} is no problem document`);
  return Problem.parse(await response.json());
}

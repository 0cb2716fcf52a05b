import { env } from "cloudflare:workers";
import type { z } from "zod";
import type { EdgeFrame } from "../../../contract/frames.ts";
import { Share, type ShareRequest } from "../../../contract/share.ts";
import type { TestAgent } from "./agent.ts";
import type { Browser } from "./browser.ts";
import { api } from "./edge.ts";
import { bytes } from "./streams.ts";

// Before anything reads the bindings: sharing needs a host for each session.
Object.assign(env, { BERTH_SESSION_HOSTS: "each" });

type Head = Extract<EdgeFrame, { type: "request" }>;

/** A session's own origin. */
export const originOfSession = (id: string): string => `http://${id}.sessions.localhost:8787`;

/** Where a session's guests go. */
export const guestUrl = (id: string, rest = "/"): string => `${originOfSession(id)}/s/${id}${rest}`;

/** The local user shares a session of theirs. Fails on anything but 201. */
export async function share(session: string, request: z.input<typeof ShareRequest>): Promise<Share> {
  const response = await api("POST", `/api/sessions/${session}/shares`, { json: request });
  if (response.status !== 201) throw new Error(`share: ${response.status} ${await response.text()}`);
  return Share.parse(await response.json());
}

/** Takes the next relayed request at the agent and answers it as a service would. */
export async function answerNext(
  agent: TestAgent,
  headers: [string, string][] = [],
  status = 200,
): Promise<Head> {
  const { head } = await agent.next("request");
  agent.send({ type: "response", id: head.id, status, headers, length: 2, end: true }, bytes("ok"));
  return head;
}

/** Follows a link to the application behind it, which answers. */
export async function visit(
  browser: Browser,
  agent: TestAgent,
  url: string,
): Promise<{ head: Head; response: Response; at: string; way: string[] }> {
  const [head, visited] = await Promise.all([answerNext(agent), browser.follow(url)]);
  // An answer that is not read keeps the object from being evicted.
  await visited.response.text();
  return { head, ...visited };
}

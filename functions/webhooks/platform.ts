import type { OpenAPIHono } from "@hono/zod-openapi";
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { LOCAL_USER, type UserId } from "../../contract/person.ts";
import { BerthError, invalid } from "../../contract/problem.ts";
import { Session } from "../../contract/session.ts";
import { PlatformCall } from "../../contract/webhook.ts";
import { addressOf } from "../auth/address.ts";
import { userIdOf } from "../auth/person-id.ts";
import { secretsOf } from "../auth/signed.ts";
import { hmac } from "../auth/token.ts";
import { configOf, type LoginConfig } from "../config.ts";
import type { AppEnv } from "../env.ts";
import { hostsOf } from "../hosts.ts";
import { json, problem } from "../routes/responses.ts";
import { partOf } from "../workspace/parts.ts";
import { readBody } from "./body.ts";
import { countRefusal, isRefusal } from "./refusals.ts";
import { readHead, verifyMessage } from "./signature.ts";

export const PLATFORM_PATH = "/webhooks/platform";

/**
 * Takes a call of the platform's: signed, within the time window, once by its id.
 * @throws BerthError `not_found` where the operator has set no key; else what is wrong with the call
 */
export async function takePlatformCall(c: Context<AppEnv>): Promise<Response> {
  const { webhooks, login, secrets } = configOf(c.env);
  if (webhooks.incoming === null) throw new BerthError("not_found", "this edge takes no webhooks");
  const { id, text } = await believed(c, webhooks.incoming);
  const call = read(text);
  const user = await userOf(login, call.data.user);
  // Keyed: a launch may hold a password, of which a plain hash would tell. By each secret: the newest is used from now on.
  const hashes = await Promise.all(secretsOf(secrets).map((secret) => hmac(secret, text)));
  const { sessions: host } = hostsOf(c.env, new URL(c.req.url));
  const answer = await partOf(c.env, user, "webhooks").take(
    { id, hashes, call },
    { host, caller: { user, name: "the platform", from: addressOf(c.req.raw), via: "webhook" } },
  );
  if (!answer.ok) throw BerthError.from(answer.problem);
  return c.json(answer.value.body, answer.value.status);
}

/**
 * Verifies first: only what is not the platform's is counted against the address that it came from, so that a stranger
 * there does not lock the platform out. A stranger has at most 1 MiB read and signed.
 * @throws BerthError what is wrong with it, or `too_many_requests`
 */
async function believed(c: Context<AppEnv>, keys: readonly string[]): Promise<{ id: string; text: string }> {
  try {
    const head = readHead(c.req.raw.headers, Date.now());
    return { id: head.id, text: await verifyMessage(head, await readBody(c.req.raw), keys) };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    throw await countRefusal(c, error);
  }
}

function read(text: string): PlatformCall {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new BerthError("invalid_request", "the message is not JSON", { cause });
  }
  const call = PlatformCall.safeParse(value);
  if (!call.success) throw invalid("invalid_request", call.error);
  return call.data;
}

/** Whose workspace a message is about. The platform calls users what the identity provider calls them. */
async function userOf(login: LoginConfig, subject: string): Promise<UserId> {
  if (login.kind !== "link") return userIdOf(login.issuer, subject);
  if (subject === LOCAL_USER) return LOCAL_USER;
  throw new BerthError("unknown_user", `data.user: this edge has one user, "${LOCAL_USER}"`, {
    field: "data.user",
  });
}

/** Describes the route in the OpenAPI document. It parses its body itself, after the signature. */
export function describePlatformCall(berth: OpenAPIHono<AppEnv>): void {
  const SessionSchema = Session.openapi("Session");
  berth.openAPIRegistry.registerPath({
    method: "post",
    path: PLATFORM_PATH,
    summary: "The platform launches, cancels and asks, by a message signed as Standard Webhooks has it",
    security: [],
    request: {
      headers: z.object({
        "webhook-id": z.string(),
        "webhook-timestamp": z.string(),
        "webhook-signature": z.string(),
      }),
      body: {
        required: true,
        content: { "application/json": { schema: PlatformCall.openapi("PlatformCall") } },
      },
    },
    responses: {
      200: json(z.union([SessionSchema, z.array(SessionSchema)]), "What session.status asked for"),
      201: json(SessionSchema, "Launched, by this message or when it came before"),
      202: json(SessionSchema, "The cancel is noted and will happen"),
      400: problem("The message is believed, but not valid"),
      401: problem("The message is not believed: its id, time or signature"),
      403: problem("An operator has locked the user out: nothing is launched for them"),
      404: problem("No such user, session, service or resource; or this edge takes no webhooks"),
      409: problem("The webhook-id came before, with another body"),
      413: problem("The message is too large"),
      429: problem("The user has launched too much, or this address has sent too much that is not believed"),
      503: problem("The edge is not configured"),
    },
  });
}

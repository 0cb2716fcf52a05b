import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { EnrolmentPoll, EnrolmentRequest, EnrolmentStart, EnrolmentState } from "../../contract/enrolment.ts";
import { accountOf } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";
import { PROTOCOL_VERSION } from "../../contract/version.ts";
import { addressOf, networkOf } from "../auth/address.ts";
import { open, sign } from "../auth/signed.ts";
import { randomToken, sha256 } from "../auth/token.ts";
import { limitBody } from "../body-limit.ts";
import { configOf } from "../config.ts";
import type { AppEnv } from "../env.ts";
import { hostsOf } from "../hosts.ts";
import { INTERVAL_S, LIFETIME_MS } from "../registry/enrolments.ts";
import { registryPart } from "../registry/parts.ts";
import { partOf } from "../workspace/parts.ts";
import { mismatchOf, mismatchText } from "../workspace/protocol.ts";
import { rejectInvalid } from "./invalid.ts";
import { json, problem } from "./responses.ts";

const refusals = {
  400: problem("A field is missing or not valid"),
  413: problem("The body is too large"),
  429: problem("Too many agents ask from this address, or one too often; Retry-After says when to come back"),
};

const start = createRoute({
  method: "post",
  path: "/start",
  summary: "An agent asks to join the workspace of whoever approves it (RFC 8628)",
  request: {
    body: {
      required: true,
      content: { "application/json": { schema: EnrolmentRequest.openapi("EnrolmentRequest") } },
    },
  },
  responses: {
    201: json(EnrolmentStart.openapi("EnrolmentStart"), "The codes: one for the agent, one for the person"),
    426: problem("Agent and edge speak different protocol versions"),
    ...refusals,
  },
});

const poll = createRoute({
  method: "post",
  path: "/poll",
  summary: "The agent asks how its enrolment stands; the approval, with the token, is said once",
  request: {
    body: {
      required: true,
      content: { "application/json": { schema: EnrolmentPoll.openapi("EnrolmentPoll") } },
    },
  },
  responses: { 200: json(EnrolmentState.openapi("EnrolmentState"), "How it stands"), ...refusals },
});

/** The binding counts by the minute. Seconds. */
const LIMIT_PERIOD_S = 60;

/** More than either body can be, bytes. */
const BODY_LIMIT = 16_384;

/** The enrolment of agents, mounted at `/enroll`: open to strangers, whom only a person's approval lets in. */
export function enrolmentApi(): OpenAPIHono<AppEnv> {
  const api = new OpenAPIHono<AppEnv>({ defaultHook: rejectInvalid });
  api.use(limitBody(BODY_LIMIT));
  api.openapi(start, async (c) => {
    const from = addressOf(c.req.raw);
    const { success } = await c.env.ATTEMPTS.limit({ key: `enroll ${networkOf(from)}` });
    if (!success)
      throw new BerthError("too_many_requests", "too many agents ask to join from this address", {
        retryAfter: LIMIT_PERIOD_S,
      });
    const request = c.req.valid("json");
    if (request.protocol !== PROTOCOL_VERSION)
      throw new BerthError("protocol_mismatch", mismatchText(mismatchOf(request.protocol, request.version)));
    const deviceCode = await sign(configOf(c.env).secrets, "device", randomToken());
    const device = await sha256(deviceCode);
    const begun = await registryPart(c.env, "enrolments").start(request, from, device);
    if (!begun.ok) throw BerthError.from(begun.problem);
    const url = new URL(c.req.url);
    const verificationUrl = `${url.protocol}//${hostsOf(c.env, url).console}/join`;
    const { userCode } = begun.value;
    const codes = {
      deviceCode,
      userCode,
      verificationUrl,
      verificationUrlComplete: `${verificationUrl}?code=${userCode}`,
    };
    return c.json({ ...codes, expiresIn: LIFETIME_MS / 1000, interval: INTERVAL_S }, 201);
  });
  api.openapi(poll, async (c) => {
    const asked = c.req.valid("json");
    // Told without the registry, of which there is one: strangers have no way to it but a code that this edge has made.
    if ((await open(configOf(c.env).secrets, "device", asked.deviceCode)) === undefined)
      return c.json({ status: "expired" as const }, 200);
    const { success } = await c.env.ATTEMPTS.limit({ key: `poll ${await sha256(asked.deviceCode)}` });
    if (!success)
      throw new BerthError("too_many_requests", "this agent asks too often", { retryAfter: LIMIT_PERIOD_S });
    const polled = await registryPart(c.env, "enrolments").poll(asked, new URL(c.req.url).host);
    if (!polled.ok) throw BerthError.from(polled.problem);
    if (polled.value.status !== "approved") return c.json(polled.value, 200);
    const { grant, asking } = polled.value;
    const { host, user, version, fingerprint, from } = asking;
    const owner = await partOf(c.env, grant.user, "access").owner();
    const enrolled = await partOf(c.env, grant.user, "agents").enroll(
      grant.user,
      { host, user, version, fingerprint, from },
      grant,
    );
    if (!enrolled.ok) return c.json({ status: "denied" as const, reason: enrolled.problem.detail }, 200);
    const { token } = enrolled.value;
    const by = owner === null ? {} : { account: accountOf(owner) };
    const { name } = grant.caller;
    return c.json({ status: "approved" as const, token, user: grant.user, name, ...by }, 200);
  });
  return api;
}

import { jwtVerify } from "jose";
import { z } from "zod";
import type { UserId } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";
import { ASYMMETRIC, CLOCK_TOLERANCE_S } from "./algorithms.ts";
import { providerError } from "./oidc-error.ts";
import { type OidcConfig, providerOf } from "./oidc-provider.ts";
import { userIdOf } from "./person-id.ts";

const EVENT = "http://schemas.openid.net/event/backchannel-logout";

/** A token is good for so long after it was made, whatever it says itself. Seconds. */
const LONGEST_S = 600;

/** Without a `sub` it would not be known whose it is: no session is looked up across workspaces. */
const Content = z.object({
  iss: z.string(),
  sub: z.string(),
  sid: z.string().optional(),
  jti: z.string().min(1),
  iat: z.number(),
  events: z.object({ [EVENT]: z.object({}) }),
  // So that an ID token passes for none of these.
  nonce: z.undefined().optional(),
});

/** What the provider says is over: one of its sessions, or all of a user's. `id` names the call, which counts once. */
export type ProviderLogout = { user: UserId; sid: string | null; id: string; expires: number };

/**
 * Reads a logout token (OpenID Connect Back-Channel Logout 1.0, section 2.6). Anybody may send one.
 * @throws BerthError `invalid_request` for what the provider did not sign for this edge, `provider_unreachable`
 */
export async function readLogoutToken(config: OidcConfig, token: string): Promise<ProviderLogout> {
  try {
    const { client, guardedKeys } = await providerOf(config);
    const { payload } = await jwtVerify(token, guardedKeys, {
      issuer: client.serverMetadata().issuer,
      audience: config.clientId,
      algorithms: ASYMMETRIC,
      maxTokenAge: LONGEST_S,
      clockTolerance: CLOCK_TOLERANCE_S,
    });
    const { iss, sub, sid = null, jti, iat } = Content.parse(payload);
    const expires = (iat + LONGEST_S + CLOCK_TOLERANCE_S) * 1000;
    return { user: await userIdOf(iss, sub), sid, id: jti, expires };
  } catch (error) {
    const known = error instanceof z.ZodError ? undefined : providerError(error, "logout");
    if (known !== undefined && known.code !== "unauthorized") throw known;
    throw new BerthError("invalid_request", "this is no logout token of the identity provider's", {
      cause: error,
    });
  }
}

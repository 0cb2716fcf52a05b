import { compactVerify } from "jose";
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  calculatePKCECodeChallenge,
  fetchUserInfo,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from "openid-client";
import type { Person } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";
import { ASYMMETRIC } from "./algorithms.ts";
import { personOf, type PersonClaims } from "./claims.ts";
import { groupsOf } from "./groups.ts";
import type { LoginTransaction } from "./login-transaction.ts";
import { providerError } from "./oidc-error.ts";
import { type OidcConfig, type Provider, providerOf } from "./oidc-provider.ts";

/* OpenID Connect Core 1.0, the authorization code flow, with PKCE (RFC 7636), state and nonce. */

/**
 * Begins a login: where to send the browser, and what it has to keep until it is back.
 * @param options.redirectUri where the provider sends the browser back to
 * @param options.asksAgain true to be asked for a password although the provider knows the browser
 * @throws BerthError `provider_unreachable`, `not_configured`
 */
export async function beginLogin(
  config: OidcConfig,
  options: { redirectUri: string; to: string; asksAgain: boolean },
): Promise<{ location: string; transaction: LoginTransaction }> {
  try {
    const { client } = await providerOf(config);
    const transaction: LoginTransaction = {
      state: randomState(),
      nonce: randomNonce(),
      verifier: randomPKCECodeVerifier(),
      to: options.to,
    };
    const location = buildAuthorizationUrl(client, {
      redirect_uri: options.redirectUri,
      scope: config.scope,
      state: transaction.state,
      nonce: transaction.nonce,
      code_challenge: await calculatePKCECodeChallenge(transaction.verifier),
      code_challenge_method: "S256",
      ...(options.asksAgain ? { prompt: "login" } : {}),
    });
    return { location: location.href, transaction };
  } catch (error) {
    throw providerError(error, "login");
  }
}

/** A provider may keep the ID token short, and tell the rest when it is asked (OpenID Connect Core 1.0, section 5.4). */
async function moreOf(
  { client }: Provider,
  config: OidcConfig,
  claims: PersonClaims & { sub: string },
  accessToken: string,
): Promise<PersonClaims> {
  const isWhole = claims["name"] !== undefined && groupsOf(claims, config.groups.claim).length > 0;
  if (isWhole || client.serverMetadata().userinfo_endpoint === undefined) return claims;
  return { ...(await fetchUserInfo(client, accessToken, claims.sub)), ...claims };
}

/**
 * Ends a login that this browser began: who it is, says the provider.
 * @param url the address at which the browser came back
 * @throws BerthError `unauthorized`, `not_admitted`, `provider_unreachable`, `not_configured`
 */
export async function finishLogin(
  config: OidcConfig,
  url: URL,
  transaction: LoginTransaction | undefined,
): Promise<{ person: Person; idToken: string }> {
  if (transaction === undefined)
    throw new BerthError(
      "unauthorized",
      "this login was not begun in this browser, or took longer than 10 minutes",
    );
  if (url.searchParams.get("state") !== transaction.state)
    throw new BerthError("unauthorized", "this answer of the identity provider belongs to another login");
  try {
    const provider = await providerOf(config);
    const tokens = await authorizationCodeGrant(provider.client, url, {
      expectedState: transaction.state,
      expectedNonce: transaction.nonce,
      pkceCodeVerifier: transaction.verifier,
      idTokenExpected: true,
    });
    const claims = tokens.claims();
    const { id_token: idToken } = tokens;
    if (claims === undefined || idToken === undefined)
      throw new BerthError("unauthorized", "the identity provider did not say who you are");
    // TLS vouches for what the provider itself sends (section 3.1.3.7, point 6); its signature does so a second time.
    await compactVerify(idToken, provider.keys, { algorithms: ASYMMETRIC });
    const said = await moreOf(provider, config, claims, tokens.access_token);
    return { person: await personOf(claims.iss, said, config.groups), idToken };
  } catch (error) {
    throw providerError(error, "login");
  }
}

/**
 * Where a browser logs out at the provider, too (OpenID Connect RP-Initiated Logout 1.0); null when the provider has no
 * such place.
 * @throws BerthError `provider_unreachable`, `not_configured`
 */
export async function endSessionUrl(
  config: OidcConfig,
  options: { idToken: string | null; returnTo: string },
): Promise<string | null> {
  try {
    const { client } = await providerOf(config);
    if (client.serverMetadata().end_session_endpoint === undefined) return null;
    const hint: Record<string, string> = options.idToken === null ? {} : { id_token_hint: options.idToken };
    return buildEndSessionUrl(client, { ...hint, post_logout_redirect_uri: options.returnTo }).href;
  } catch (error) {
    throw providerError(error, "logout");
  }
}

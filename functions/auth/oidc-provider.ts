import { createRemoteJWKSet, type RemoteJWKSet } from "jose";
import {
  allowInsecureRequests,
  ClientError,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  discovery,
  None,
} from "openid-client";
import { BerthError } from "../../contract/problem.ts";
import type { LoginConfig } from "../config.ts";

export type OidcConfig = Extract<LoginConfig, { kind: "oidc" }>;

/** The provider as its metadata describe it, and its keys. */
export type Provider = {
  client: Configuration;
  /** For tokens that come from the provider's own mouth: a key that it has just begun to use is fetched at once. */
  keys: RemoteJWKSet;
  /** For tokens that anybody may send: they make us ask for keys only now and then. */
  guardedKeys: RemoteJWKSet;
};

/** The metadata are read anew after so long. Milliseconds. */
const FRESH_MS = 600_000;
/** Seconds until a request to the provider is given up. */
const TIMEOUT_S = 10;

/** Loopback: what is sent there does not leave the machine (RFC 6761, section 6.3; RFC 5735). */
const LOOPBACK = /^(?:(?:[\w-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

type Kept = { provider: Provider; until: number };
const kept = new WeakMap<OidcConfig, Kept>();

/** `client_secret_basic` is what a provider takes that says nothing (OpenID Connect Discovery 1.0, section 3). */
function authentication(config: OidcConfig, methods: readonly string[] | undefined) {
  if (config.clientSecret === null) return None();
  const isPostOnly =
    methods?.includes("client_secret_post") === true && !methods.includes("client_secret_basic");
  return isPostOnly ? ClientSecretPost(config.clientSecret) : ClientSecretBasic(config.clientSecret);
}

/** Who calls itself something else than it is called here may speak of other people. */
function refuseAnother({ issuer }: OidcConfig, cause: unknown): never {
  if (!(cause instanceof ClientError) || cause.code !== "OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED") throw cause;
  throw new BerthError("not_configured", `BERTH_OIDC_ISSUER "${issuer}" calls itself another issuer`, {
    cause,
  });
}

async function discover(config: OidcConfig): Promise<Provider> {
  if (!URL.canParse(config.issuer))
    throw new BerthError("not_configured", `BERTH_OIDC_ISSUER "${config.issuer}" is no address`);
  const issuer = new URL(config.issuer);
  const execute = LOOPBACK.test(issuer.hostname) ? [allowInsecureRequests] : [];
  const client = await discovery(
    issuer,
    config.clientId,
    {},
    (server, ...rest) =>
      authentication(config, server.token_endpoint_auth_methods_supported)(server, ...rest),
    { timeout: TIMEOUT_S, execute },
  ).catch((error: unknown) => refuseAnother(config, error));
  const { jwks_uri: jwks } = client.serverMetadata();
  if (jwks === undefined)
    throw new BerthError("not_configured", `the identity provider "${config.issuer}" publishes no keys`);
  const timeoutDuration = TIMEOUT_S * 1000;
  return {
    client,
    keys: createRemoteJWKSet(new URL(jwks), { timeoutDuration, cooldownDuration: 0 }),
    guardedKeys: createRemoteJWKSet(new URL(jwks), { timeoutDuration }),
  };
}

/**
 * The provider that people log in at. What was read of it is kept in this isolate for a while, and for longer while the
 * provider does not answer. Only finished reads are kept: a request cannot wait for the I/O of another one.
 * @throws openid-client's errors; see oidc-error.ts
 */
export async function providerOf(config: OidcConfig): Promise<Provider> {
  const now = Date.now();
  const known = kept.get(config);
  if (known !== undefined && known.until > now) return known.provider;
  try {
    const provider = await discover(config);
    kept.set(config, { provider, until: now + FRESH_MS });
    return provider;
  } catch (error) {
    if (known === undefined || error instanceof BerthError) throw error;
    console.warn("the identity provider's metadata could not be read again; the last known are used");
    return known.provider;
  }
}

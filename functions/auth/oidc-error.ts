import { errors as jose } from "jose";
import {
  AuthorizationResponseError,
  ClientError,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
} from "openid-client";
import { BerthError, type ProblemCode } from "../../contract/problem.ts";

type Reason = { code: ProblemCode; text: string };

const refused = (text: string): Reason => ({ code: "unauthorized", text });
const misconfigured = (text: string): Reason => ({ code: "not_configured", text });
const UNREACHABLE: Reason = {
  code: "provider_unreachable",
  text: "the identity provider could not be asked",
};

/** What the provider itself says in the answer that the browser brings (RFC 6749, section 4.1.2.1; OpenID Connect Core, 3.1.2.6). */
const ANSWERED: Readonly<Record<string, Reason>> = {
  access_denied: refused("the identity provider did not let you in, or you declined"),
  login_required: refused("the identity provider wants you to log in there first"),
  interaction_required: refused("the identity provider wants to ask you something first"),
  consent_required: refused("the identity provider wants your consent first"),
  temporarily_unavailable: UNREACHABLE,
  server_error: UNREACHABLE,
  invalid_scope: misconfigured("the identity provider refuses the scope in BERTH_OIDC_SCOPE"),
  unauthorized_client: misconfigured("the identity provider refuses this client's kind of login"),
};

/** What it says to the code (RFC 6749, section 5.2). */
const REDEEMED: Readonly<Record<string, Reason>> = {
  invalid_grant: refused(
    "the identity provider does not take this login any more: it was used, or took too long",
  ),
  invalid_client: misconfigured(
    "the identity provider refuses BERTH_OIDC_CLIENT_ID with its BERTH_OIDC_CLIENT_SECRET",
  ),
};

/** What is wrong with an answer, by openid-client's codes. */
const CHECKED: Readonly<Record<string, Reason>> = {
  OAUTH_JWT_CLAIM_COMPARISON_FAILED: refused("the identity provider's answer is not for this login"),
  OAUTH_INVALID_RESPONSE: refused("the identity provider's answer does not belong to this login"),
  OAUTH_JWT_TIMESTAMP_CHECK_FAILED: refused(
    "the identity provider's answer is not valid at this time: it is too old, or the clocks differ",
  ),
  OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED: refused("the identity provider speaks of somebody else"),
  OAUTH_HTTP_REQUEST_FORBIDDEN: misconfigured("BERTH_OIDC_ISSUER must be an https address"),
  OAUTH_REQUEST_PROTOCOL_FORBIDDEN: misconfigured("BERTH_OIDC_ISSUER must be an https address"),
  OAUTH_MISSING_SERVER_METADATA: misconfigured(
    "the identity provider lacks what OpenID Connect Discovery asks for",
  ),
  OAUTH_INVALID_SERVER_METADATA: misconfigured(
    "the identity provider's metadata does not fit OpenID Connect Discovery",
  ),
};

/** Errors of a token; others of jose's are of the way to the keys. */
const TOKEN: ReadonlySet<string> = new Set([
  jose.JWSSignatureVerificationFailed.code,
  jose.JWSInvalid.code,
  jose.JWTInvalid.code,
  jose.JWTExpired.code,
  jose.JWTClaimValidationFailed.code,
  jose.JWKSNoMatchingKey.code,
  jose.JWKSMultipleMatchingKeys.code,
  jose.JOSEAlgNotAllowed.code,
  jose.JOSENotSupported.code,
]);

const known = (table: Readonly<Record<string, Reason>>, key: string): Reason | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined;

/** An error code of OAuth's, as its grammar has it (RFC 6749, appendix A.7): it is shown. */
const spelled = (code: string): string => code.replaceAll(/[^\w.-]/g, "").slice(0, 60);

function reasonOf(error: unknown): Reason {
  if (error instanceof AuthorizationResponseError)
    return (
      known(ANSWERED, error.error) ?? refused(`the identity provider answered "${spelled(error.error)}"`)
    );
  if (error instanceof ResponseBodyError)
    return (
      known(REDEEMED, error.error) ?? refused(`the identity provider answered "${spelled(error.error)}"`)
    );
  if (error instanceof WWWAuthenticateChallengeError) return known(REDEEMED, "invalid_client") ?? UNREACHABLE;
  if (error instanceof ClientError && error.code !== undefined)
    return known(CHECKED, error.code) ?? UNREACHABLE;
  if (error instanceof jose.JOSEError && TOKEN.has(error.code))
    return refused("the identity provider's answer is not signed by one of its keys");
  return UNREACHABLE;
}

/** For the log: which error, and never what it carries, where tokens are. */
function briefly(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const said = error instanceof AuthorizationResponseError || error instanceof ResponseBodyError;
  const code = said
    ? ` ${spelled(error.error)}`
    : "code" in error && typeof error.code === "string"
      ? ` ${error.code}`
      : "";
  const because = error.cause instanceof Error ? `, because of ${briefly(error.cause)}` : "";
  return `${error.name}${code}: ${error.message}${because}`;
}

/**
 * What went wrong at the provider, in a person's words; the details go to the log.
 * @param what went wrong, for the log
 */
export function providerError(error: unknown, what: "login" | "logout"): BerthError {
  if (error instanceof BerthError) return error;
  const { code, text } = reasonOf(error);
  console.warn(`a ${what} failed: ${briefly(error)}`);
  return new BerthError(code, text, { cause: error });
}

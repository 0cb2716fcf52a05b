import { createRemoteJWKSet, errors, jwtVerify, type RemoteJWKSet } from "jose";
import type { Person } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";
import type { LoginConfig } from "../config.ts";
import { ASYMMETRIC, CLOCK_TOLERANCE_S } from "./algorithms.ts";
import { personOf } from "./claims.ts";
import type { Claims } from "./cookie.ts";

/*
 * Behind an access proxy, which has logged the browser in and says so with each request, in a header, by a JWT of its own.
 * Whoever reaches the edge past the proxy has none.
 */

export type ProxyConfig = Extract<LoginConfig, { kind: "header" }>;

type Good = { person: Person; until: number };

/** What this isolate has of a proxy: its keys, and the tokens found good, each until it expires. */
type Known = { keys: RemoteJWKSet; good: Map<string, Good> };

const KEPT = 4096;
const known = new WeakMap<ProxyConfig, Known>();

function knownOf(config: ProxyConfig): Known {
  let kept = known.get(config);
  if (kept === undefined) {
    kept = { keys: createRemoteJWKSet(new URL(config.jwks)), good: new Map() };
    known.set(config, kept);
  }
  return kept;
}

const refused = (text: string): BerthError => new BerthError("unauthorized", text);

/** What is wrong with a JWT, by jose's codes. What is not here is of the way to the proxy's keys. */
const WRONG: Readonly<Record<string, string>> = {
  [errors.JWTExpired.code]: "what the access proxy sent has expired",
  [errors.JWTClaimValidationFailed.code]: "what the access proxy sent is not for this edge, or not yet valid",
  [errors.JWSSignatureVerificationFailed.code]: "what came as the access proxy's is not signed by it",
  [errors.JWKSNoMatchingKey.code]: "what came as the access proxy's is not signed by it",
  [errors.JWKSMultipleMatchingKeys.code]: "what came as the access proxy's does not say which key signed it",
  [errors.JOSEAlgNotAllowed.code]: "what came as the access proxy's is not signed as it must be",
  [errors.JOSENotSupported.code]: "what came as the access proxy's is not signed as it must be",
  [errors.JWSInvalid.code]: "what came as the access proxy's is no JWT",
  [errors.JWTInvalid.code]: "what came as the access proxy's is no JWT",
};

function problemOf(error: unknown): BerthError {
  if (error instanceof BerthError) return error;
  const code = error instanceof errors.JOSEError ? error.code : "";
  const text = Object.hasOwn(WRONG, code) ? WRONG[code] : undefined;
  if (text !== undefined) return refused(text);
  console.warn(`the access proxy's keys could not be read: ${error instanceof Error ? error.message : code}`);
  return new BerthError("provider_unreachable", "the access proxy's keys could not be read", {
    cause: error,
  });
}

async function verify(token: string, config: ProxyConfig, { keys, good }: Known): Promise<Person> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer: config.issuer,
      audience: config.audience.split(/[\s,]+/),
      algorithms: ASYMMETRIC,
      requiredClaims: ["exp", "sub"],
      clockTolerance: CLOCK_TOLERANCE_S,
    });
    const person = await personOf(config.issuer, payload, config.groups);
    if (good.size >= KEPT) good.clear();
    good.set(token, { person, until: (payload.exp ?? 0) * 1000 });
    return person;
  } catch (error) {
    throw problemOf(error);
  }
}

/** The access proxy's JWT in a request, which no application may see; undefined when there is none. */
export const proxyToken = (headers: Headers, config: ProxyConfig): string | undefined =>
  headers.get(config.header)?.replace(/^bearer +/i, "") || undefined;

/**
 * Whom the access proxy has logged in, by the header of this request.
 * @throws BerthError `unauthorized`, `not_admitted`, `provider_unreachable`
 */
export async function personAtProxy(headers: Headers, config: ProxyConfig): Promise<Person> {
  const token = proxyToken(headers, config);
  if (token === undefined) throw refused("the access proxy in front of this edge did not say who you are");
  const kept = knownOf(config);
  const found = kept.good.get(token);
  if (found !== undefined && found.until > Date.now()) return found.person;
  return verify(token, config, kept);
}

/**
 * Holds a browser's login to whom the proxy names: the cookie alone opens nothing.
 * @throws BerthError as `personAtProxy`; `unauthorized` when it is somebody else's, or gives another role by now
 */
export async function checkAtProxy(headers: Headers, config: ProxyConfig, login: Claims): Promise<void> {
  const person = await personAtProxy(headers, config);
  if (person.id !== login.user || person.role !== login.role)
    throw refused("the access proxy names another person than this login");
}

import type { LookupFunction } from "node:net";

/**
 * Where services are dialled: loopback in both families, whatever the hosts file says of `localhost`. A service that
 * listens on `localhost` may have got ::1 alone; the connection tries the next address when the first refuses.
 */
const lookup: LookupFunction = (_host, options, callback) => {
  const addresses = [
    { address: "127.0.0.1", family: 4 },
    { address: "::1", family: 6 },
  ];
  if (options.all === true) callback(null, addresses);
  else callback(null, "127.0.0.1", 4);
};

/**
 * Loopback accepts or refuses, at once or when it is less busy: Node's 250 ms would give up on a good address and
 * blame the service. Milliseconds.
 */
const ATTEMPT_TIMEOUT_MS = 10_000;

/**
 * Connect options for a service on this host. Its certificate is not checked: services on `/sme` sign their own, and
 * the connection never leaves the host (design 3.1).
 */
export const LOOPBACK = {
  lookup,
  autoSelectFamily: true,
  autoSelectFamilyAttemptTimeout: ATTEMPT_TIMEOUT_MS,
  rejectUnauthorized: false,
} as const;

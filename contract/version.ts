/**
 * The version of the link protocol: what `contract/README.md` describes and `frames.ts` spells.
 *
 * 1 (2026-11): hello and welcome, wanted sessions and reports, relayed requests, WebSockets and logs.
 * 2 (2026-11): clusters, in the hello and as they change.
 * 3 (2026-11): whom a stream is for, its eviction and its use; a new token for the agent.
 *
 * A change that an older peer would misread raises the number. The edge refuses a hello of another version with
 * the code `protocol_mismatch`; both sides then say which of them to upgrade.
 */
export const PROTOCOL_VERSION = 3;

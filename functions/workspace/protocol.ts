import type { Mismatch } from "../../contract/agent-status.ts";
import { PROTOCOL_VERSION } from "../../contract/version.ts";

/** Which of an agent and this edge is the older. `protocol` is the agent's, and not this edge's. */
export const mismatchOf = (protocol: number, version: string | null): Mismatch => ({
  version,
  protocol,
  edgeProtocol: PROTOCOL_VERSION,
  upgrade: protocol < PROTOCOL_VERSION ? "agent" : "edge",
});

/** What the agent is told. */
export const mismatchText = ({ version, protocol, edgeProtocol, upgrade }: Mismatch): string =>
  `the edge speaks protocol ${edgeProtocol}, the agent${version === null ? "" : ` (version ${version})`} ${protocol}: upgrade the ${upgrade}`;

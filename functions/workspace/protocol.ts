import { PROTOCOL_VERSION } from "../../contract/version.ts";

/** An agent that speaks another protocol: what it said of itself, and what is to be upgraded. */
export type Mismatch = { version: string | null; protocol: number; upgrade: "agent" | "edge" };

/** Who of an agent and this edge is the older, and the sentence that says so. `protocol` is not the edge's. */
export function olderSide(protocol: number, version: string | null): Mismatch & { text: string } {
  const upgrade = protocol < PROTOCOL_VERSION ? "agent" : "edge";
  const agent = version === null ? "the agent" : `the agent (version ${version})`;
  const text = `the edge speaks protocol ${PROTOCOL_VERSION}, ${agent} ${protocol}: upgrade the ${upgrade}`;
  return { version, protocol, upgrade, text };
}

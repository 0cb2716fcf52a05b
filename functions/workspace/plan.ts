import { sessionId } from "../../contract/ids.ts";
import { BerthError } from "../../contract/problem.ts";
import { type CatalogueEntry, checkInputs } from "../../contract/service.ts";
import type { LaunchRequest, SessionSpec } from "../../contract/session.ts";

/** Bytes of a spec in JSON: a row of an object's storage holds 2 MB (Cloudflare, Durable Objects limits). */
const SPEC_LIMIT = 1_900_000;

function held(spec: SessionSpec): SessionSpec {
  const size = new TextEncoder().encode(JSON.stringify(spec)).byteLength;
  if (size <= SPEC_LIMIT) return spec;
  const message = `inputs: the launch takes ${size} bytes; at most ${SPEC_LIMIT} can be kept`;
  throw new BerthError("payload_too_large", message, { field: "inputs" });
}

/**
 * Turns a launch into what the session is to be, held against the catalogue.
 * @param now milliseconds since 1970
 * @throws BerthError that names the field at fault
 */
export function planSession(
  request: LaunchRequest,
  catalogue: readonly CatalogueEntry[],
  now: number,
): SessionSpec {
  const { service, placement, resource, name } = request;
  const entry = catalogue.find((candidate) => candidate.name === service);
  if (entry === undefined) {
    throw new BerthError("unknown_service", `service: there is no service "${service}"`, {
      field: "service",
    });
  }
  if (entry.broken !== null)
    throw new BerthError("invalid_request", `service: ${entry.broken}`, { field: "service" });
  if (!entry.placements.includes(placement)) {
    const message = `placement: ${entry.title} runs on ${entry.placements.join(" or ")}, not on ${placement}`;
    throw new BerthError("invalid_request", message, { field: "placement" });
  }
  if (resource !== undefined || placement !== "workspace") {
    const message = `resource: the workspace knows no cluster${resource === undefined ? "" : ` "${resource}"`}`;
    throw new BerthError("unknown_resource", message, { field: "resource" });
  }
  const id = sessionId((bytes) => crypto.getRandomValues(bytes));
  const inputs = checkInputs(entry.inputs, request.inputs);
  return held({ id, name: name ?? entry.title, service: entry.name, placement, inputs, createdAt: now });
}

/**
 * A session's spec without its passwords: once the agent has written them down, they need not be here too. Where the
 * service's form is not known any more, any input may be one.
 */
export function withoutSecrets(spec: SessionSpec, catalogue: readonly CatalogueEntry[]): SessionSpec {
  const form = catalogue.find((entry) => entry.name === spec.service)?.inputs ?? [];
  const open = new Set(form.filter((input) => input.type !== "password").map((input) => input.name));
  return {
    ...spec,
    inputs: Object.fromEntries(Object.entries(spec.inputs).filter(([name]) => open.has(name))),
  };
}

import { sessionId } from "../../contract/ids.ts";
import { BerthError, type ProblemCode } from "../../contract/problem.ts";
import type { Resource } from "../../contract/resource.ts";
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

const refuse = (code: ProblemCode, field: string, message: string): BerthError =>
  new BerthError(code, `${field}: ${message}`, { field });

/** Holds where a launch is to run against the clusters there are. What a scheduler would refuse, it refuses itself. */
function checkPlace(request: LaunchRequest, resources: readonly Resource[]): void {
  const { placement, resource: name, scheduler } = request;
  const resource = resources.find((candidate) => candidate.name === name);
  if (name !== undefined && resource === undefined)
    throw refuse("unknown_resource", "resource", `the workspace knows no cluster "${name}"`);
  if (placement === "workspace" && resource !== undefined) {
    const message = `the workspace is not on ${resource.name}: place it on its controller or compute nodes`;
    throw refuse("invalid_request", "resource", message);
  }
  if (placement !== "workspace" && resource === undefined)
    throw refuse("unknown_resource", "resource", `name the cluster whose ${placement} it is to run on`);
  if (placement === "compute" && resource?.scheduler === "none") {
    const message = `${resource.name} has no scheduler: it runs sessions on its controller only`;
    throw refuse("invalid_request", "placement", message);
  }
  if (placement !== "compute" && scheduler !== undefined) {
    const message = `only compute nodes are asked for of a scheduler; the ${placement} is not`;
    throw refuse("invalid_request", "scheduler", message);
  }
}

/**
 * Turns a launch into what the session is to be, held against the catalogue and the clusters.
 * @param now milliseconds since 1970
 * @throws BerthError that names the field at fault
 */
export function planSession(
  request: LaunchRequest,
  known: { catalogue: readonly CatalogueEntry[]; resources: readonly Resource[] },
  now: number,
): SessionSpec {
  const { service, placement, resource, scheduler, name } = request;
  const entry = known.catalogue.find((candidate) => candidate.name === service);
  if (entry === undefined) throw refuse("unknown_service", "service", `there is no service "${service}"`);
  if (entry.broken !== null) throw refuse("invalid_request", "service", entry.broken);
  if (!entry.placements.includes(placement)) {
    const message = `${entry.title} runs on ${entry.placements.join(" or ")}, not on ${placement}`;
    throw refuse("invalid_request", "placement", message);
  }
  checkPlace(request, known.resources);
  const id = sessionId((bytes) => crypto.getRandomValues(bytes));
  return held({
    id,
    name: name ?? entry.title,
    service: entry.name,
    placement,
    ...(resource === undefined ? {} : { resource }),
    ...(scheduler === undefined ? {} : { scheduler }),
    inputs: checkInputs(entry.inputs, request.inputs),
    createdAt: now,
  });
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

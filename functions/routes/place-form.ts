import { MEMORY_EXAMPLES, parseMemory } from "../../contract/memory.ts";
import { BerthError } from "../../contract/problem.ts";
import type { ResourceView } from "../../contract/resource.ts";
import type { CatalogueEntry } from "../../contract/service.ts";
import type { SchedulerRequest } from "../../contract/session.ts";
import { parseWalltime, WALLTIME_EXAMPLES } from "../../contract/walltime.ts";
import { placementsOn, type TypedPlace, type TypedScheduler } from "../views/place.ts";

type Field = keyof SchedulerRequest;

const wrong = (field: Field, what: string): BerthError =>
  new BerthError("invalid_request", `scheduler.${field}: ${what}`, { field: `scheduler.${field}` });

const asText = (text: string): string => text;

function asSeconds(text: string): number {
  const seconds = parseWalltime(text);
  if (seconds === undefined) throw wrong("walltime", `must be like ${WALLTIME_EXAMPLES}`);
  return seconds;
}

function asMib(text: string): number {
  const mib = parseMemory(text);
  if (mib === undefined) throw wrong("memory", `must be like ${MEMORY_EXAMPLES}`);
  return mib;
}

const asCount = (field: Field, min: number) => (text: string) => {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (count < min) throw wrong(field, `must be a whole number, at least ${min}`);
  return count;
};

/** What each field's text amounts to. Forms travel with CRLF (WHATWG HTML, "constructing the entry list"). */
const READERS = {
  partition: asText,
  account: asText,
  qos: asText,
  walltime: asSeconds,
  nodes: asCount("nodes", 1),
  tasksPerNode: asCount("tasksPerNode", 1),
  cpusPerTask: asCount("cpusPerTask", 1),
  memory: asMib,
  gpus: asCount("gpus", 0),
  exclusive: (text) => text === "true",
  directives: (text) => text.split(/\r?\n/).filter((line) => line.trim() !== ""),
} as const satisfies { [Name in Field]-?: (text: string) => NonNullable<SchedulerRequest[Name]> };

const FIELDS = Object.keys(READERS) as Field[];

const textOf = (form: FormData, name: string): string | undefined => {
  const value = form.get(name);
  return typeof value === "string" ? value : undefined;
};

/** Reads what a form says of the place, as it was typed. Each cluster has its own field for the partition. */
export function readPlace(form: FormData): TypedPlace {
  const resource = textOf(form, "resource");
  const scheduler: Partial<Record<Field, string>> = {};
  for (const field of FIELDS) {
    const name = field === "partition" ? `scheduler.partition.${resource ?? ""}` : `scheduler.${field}`;
    const text = textOf(form, name);
    // The text of the directives is shown as it was typed, their line breaks as HTML reads them.
    if (text !== undefined && text.trim() !== "")
      scheduler[field] = field === "directives" ? text.replaceAll("\r\n", "\n") : text.trim();
  }
  return { resource, placement: textOf(form, "placement"), scheduler };
}

/**
 * What a scheduler is asked for, of texts.
 * @throws BerthError `invalid_request` that names the field
 */
function schedulerRequest(typed: TypedScheduler): SchedulerRequest {
  const given = FIELDS.flatMap((field) => {
    const text = typed[field];
    return text === undefined ? [] : [[field, READERS[field](text)] as const];
  });
  return Object.fromEntries(given);
}

/** Where a launch is to run. */
export type Place = {
  placement: string;
  resource?: string;
  scheduler?: SchedulerRequest;
};

/**
 * The place that a form asks for. What does not count there was typed for another place and is passed over.
 * @throws BerthError `invalid_request` that names the field
 */
export function placeOf(entry: CatalogueEntry, resources: readonly ResourceView[], typed: TypedPlace): Place {
  const { resource: name = "" } = typed;
  if (name === "" && entry.placements.includes("workspace")) return { placement: "workspace" };
  const resource = resources.find((each) => each.name === name);
  const possible = resource === undefined ? [] : placementsOn(entry, resource);
  const placement =
    (possible.length === 1 ? possible[0] : typed.placement) ??
    possible[0] ??
    entry.placements.find((each) => each !== "workspace") ??
    "workspace";
  const scheduler = placement === "compute" ? schedulerRequest(typed.scheduler) : {};
  return {
    placement,
    ...(name === "" ? {} : { resource: name }),
    ...(Object.keys(scheduler).length === 0 ? {} : { scheduler }),
  };
}

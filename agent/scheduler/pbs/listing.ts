import type { PbsDialect } from "./dialect.ts";

/** What is told of a job, queue, node or server: names in lower case (`resource_list.walltime`), values as text. */
export type Attributes = ReadonlyMap<string, string>;

/** Many of them by name or id. */
export type Listing = ReadonlyMap<string, Attributes>;

/**
 * The first of several values stays: what a user can write (an account, variables) stands after the state, and may
 * hold a line, a duplicate key, that looks like another.
 */
function add(attributes: Map<string, string>, name: string, value: string): void {
  const key = name.toLowerCase();
  if (!attributes.has(key)) attributes.set(key, value);
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function flatten(attributes: Map<string, string>, prefix: string, value: unknown): void {
  if (isObject(value)) {
    for (const [name, inner] of Object.entries(value)) flatten(attributes, `${prefix}.${name}`, inner);
    return;
  }
  // A value's type varies with what it looks like: a job named 123 has a number for its name.
  add(attributes, prefix, typeof value === "string" ? value : JSON.stringify(value));
}

/**
 * Reads `-F json` of OpenPBS.
 * @param section `Jobs`, `Queue`, `nodes` or `Server`; a document without it holds none
 * @returns undefined for what is not JSON: one odd value of one job is enough (release 23.06: a name such as `nan`)
 */
export function readJson(text: string, section: string): Listing | undefined {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(document)) return undefined;
  const listing = new Map<string, Attributes>();
  const entries = document[section];
  if (!isObject(entries)) return listing;
  for (const [id, told] of Object.entries(entries)) {
    const attributes = new Map<string, string>();
    if (isObject(told)) for (const [name, value] of Object.entries(told)) flatten(attributes, name, value);
    listing.set(id, attributes);
  }
  return listing;
}

/** How `-f` begins a section and an attribute; PBS indents by four blanks and SchedMD's scripts by a tab. */
const LINES: Record<PbsDialect, { section: RegExp; attribute: RegExp }> = {
  openpbs: { section: /^(?:Job Id|Queue|Server): (.+)$/, attribute: /^ {4}(\S+) = (.*)$/ },
  torque: { section: /^(?:Job Id|Queue|Server): (.+)$/, attribute: /^ {4}(\S+) = (.*)$/ },
  slurm: { section: /^(?:Job Id|Queue):\t(.+)$/, attribute: /^\t(\S+) = (.*)$/ },
};

/** Reads the text of `-f`, folded (a newline and a tab, even within a word) or not. Lines that fit nothing are passed over. */
export function readText(text: string, dialect: PbsDialect): Listing {
  const listing = new Map<string, Attributes>();
  let current: Map<string, string> | undefined;
  const unfolded = dialect === "slurm" ? text : text.replaceAll("\n\t", "");
  for (const line of unfolded.split("\n")) {
    const section = LINES[dialect].section.exec(line)?.[1]?.trim();
    if (section !== undefined) {
      current = new Map();
      if (!listing.has(section)) listing.set(section, current);
    }
    const [, name, value] = LINES[dialect].attribute.exec(line) ?? [];
    if (current !== undefined && name !== undefined && value !== undefined) add(current, name, value);
  }
  return listing;
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

const decode = (text: string): string =>
  text.replaceAll(/&(lt|gt|quot|apos|amp);/g, (whole, name: string) => ENTITIES[name] ?? whole);

const XML_LEAF = /<(\/?)([A-Za-z_][\w.-]*)>([^<]*)/g;

/**
 * Reads Torque's `qstat -x` and `pbsnodes -x`: one document for each id asked for. Torque escapes `<` in values but
 * lets control characters through, which no XML parser takes: tags alone are read here.
 * @param element `Job` or `Node`
 * @param name the element that names it: `Job_Id` or `name`
 */
export function readXml(text: string, element: string, name: string): Listing {
  const listing = new Map<string, Attributes>();
  for (const part of text.split(`<${element}>`).slice(1)) {
    const attributes = new Map<string, string>();
    const path: string[] = [];
    const end = part.indexOf(`</${element}>`);
    // Cut short: what is missing could be its state.
    if (end < 0) continue;
    for (const [, closing, tag = "", value = ""] of part.slice(0, end).matchAll(XML_LEAF)) {
      if (closing === "/") path.pop();
      else {
        path.push(tag);
        if (value !== "") add(attributes, path.join("."), decode(value));
      }
    }
    const id = attributes.get(name.toLowerCase());
    if (id !== undefined) listing.set(id, attributes);
  }
  return listing;
}

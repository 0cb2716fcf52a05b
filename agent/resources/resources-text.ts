import {
  type Document,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  type Pair,
  parseDocument,
  type YAMLMap,
} from "yaml";
import { ResourceName } from "../../contract/resource.ts";
import { ResourceDefinition, type ResourceEntry } from "./resource-definition.ts";

/** What is wrong in the file: `name` is the entry's, null where no entry can be read. */
export type ResourceFault = { name: string | null; line: number; reason: string };

/** The clusters that are set up, and what of the file cannot be used. */
export type ResourcesReading = {
  definitions: ReadonlyMap<string, ResourceDefinition>;
  faults: readonly ResourceFault[];
};

type Entries = { document: Document.Parsed; lines: LineCounter; map: YAMLMap | null };

/** The file's entries; null when there is none. What is no map of entries is the fault of the whole file. */
function parse(text: string): Entries | ResourceFault {
  const lines = new LineCounter();
  // Names that stand twice are a fault of that entry alone.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const [error] = document.errors;
  if (error !== undefined)
    return { name: null, line: lines.linePos(error.pos[0]).line, reason: error.message };
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null))
    return { document, lines, map: null };
  if (isMap(contents)) return { document, lines, map: contents };
  return { name: null, line: 1, reason: "write each cluster as a name with its options below it" };
}

const isFault = (parsed: Entries | ResourceFault): parsed is ResourceFault => "reason" in parsed;

const nameOf = ({ key }: Pair): string => String(isScalar(key) ? key.value : key);

function readEntry(pair: Pair, { document, lines }: Entries): ResourceDefinition | ResourceFault {
  const name = nameOf(pair);
  /** A key that is missing has no place of its own: the nearest node above it has. */
  const fault = (reason: string, path: readonly PropertyKey[] = []): ResourceFault => {
    const upwards = [...path.keys(), path.length].toReversed().map((length) => path.slice(0, length));
    const nodes = isMap(pair.value)
      ? upwards.map((end) => (end.length === 0 ? undefined : at(pair, end)))
      : [];
    const node = nodes.find((one) => isNode(one)) ?? (isNode(pair.key) ? pair.key : undefined);
    const field = path.length === 0 ? "" : `${path.map(String).join(".")}: `;
    return { name, line: lines.linePos(node?.range?.[0] ?? 0).line, reason: `${field}${reason}` };
  };
  const named = ResourceName.safeParse(name);
  if (!named.success) return fault(`the name ${named.error.issues[0]?.message ?? "cannot be used"}`);
  try {
    const plain: unknown = isNode(pair.value) ? pair.value.toJS(document) : pair.value;
    const parsed = ResourceDefinition.safeParse(plain ?? {});
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    const key = issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
    return fault(issue?.message ?? "is not valid", [...(issue?.path ?? []), ...key]);
  } catch (error) {
    // An alias to nothing, or so many that they were made to exhaust the memory.
    return fault(error instanceof Error ? error.message : String(error));
  }
}

const at = (pair: Pair, path: readonly PropertyKey[]): unknown =>
  isMap(pair.value) ? pair.value.getIn(path, true) : undefined;

/** Reads the text of a `resources.yaml`. A broken entry takes no other down. */
export function parseResources(text: string): ResourcesReading {
  const parsed = parse(text);
  if (isFault(parsed)) return { definitions: new Map(), faults: [parsed] };
  const definitions = new Map<string, ResourceDefinition>();
  const faults: ResourceFault[] = [];
  const names = new Set<string>();
  for (const pair of parsed.map?.items ?? []) {
    const name = nameOf(pair);
    const read = readEntry(pair, parsed);
    if (names.has(name)) {
      const { range } = isNode(pair.key) ? pair.key : {};
      const { line } = parsed.lines.linePos(range?.[0] ?? 0);
      faults.push({ name, line, reason: "the name stands here a second time; the first one counts" });
    } else if ("reason" in read) faults.push(read);
    else definitions.set(name, read);
    names.add(name);
  }
  return { definitions, faults };
}

function edit(
  text: string,
  change: (document: Document.Parsed, map: YAMLMap) => void,
): string | ResourceFault {
  const parsed = parse(text);
  if (isFault(parsed)) return parsed;
  const { document } = parsed;
  if (parsed.map === null) document.contents = null;
  const map = parsed.map ?? (document.createNode({}) as YAMLMap.Parsed);
  map.flow = false;
  change(document, map);
  document.contents = map as YAMLMap.Parsed;
  const spelled = document.toString({ lineWidth: 0 });
  // An empty map has no spelling without braces.
  return map.items.length === 0 ? spelled.replace(/^\{\}\n/m, "") : spelled;
}

/** The text with one cluster more; comments stay. A fault where the text cannot be read. */
export const withResource = (text: string, name: string, entry: ResourceEntry): string | ResourceFault =>
  edit(text, (document, map) => map.add(document.createPair(name, entry)));

/** The text without a cluster, however often its name stands there; comments stay but for its own. */
export const withoutResource = (text: string, name: string): string | ResourceFault =>
  edit(text, (document, map) => {
    for (let index = map.items.length - 1; index >= 0; index--) {
      const pair = map.items[index];
      if (pair === undefined || nameOf(pair) !== name) continue;
      map.items.splice(index, 1);
      if (index === 0) keepHeading(document, pair, map.items[0]);
    }
  });

/** The file's heading is, to the parser, a part of its first entry's comment: all of it up to the last empty line. */
function keepHeading(document: Document.Parsed, removed: Pair, next: Pair | undefined): void {
  const comment = isNode(removed.key) ? (removed.key.commentBefore ?? "") : "";
  const heading = comment.slice(0, Math.max(0, comment.lastIndexOf("\n\n")));
  if (heading === "") return;
  if (next === undefined || !isNode(next.key)) document.commentBefore = heading;
  else next.key.commentBefore = [heading, next.key.commentBefore ?? ""].join("\n\n").trimEnd();
}

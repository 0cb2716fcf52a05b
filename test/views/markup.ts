import type { HtmlEscapedString } from "hono/utils/html";

/** What a component renders to. */
export const render = async (view: HtmlEscapedString | Promise<HtmlEscapedString>): Promise<string> =>
  (await view).toString();

/** One start tag of a rendered page; attribute values are unescaped. */
export type Tag = { name: string; attributes: ReadonlyMap<string, string>; at: number; end: number };

const ENTITIES: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#39;": "'",
};

const unescape = (text: string): string =>
  text.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity] ?? entity);

const TAG = /<([a-z][a-z0-9]*)((?:\s+[a-zA-Z-:]+="[^"]*")*)\s*\/?>/y;
const ATTRIBUTE = /([a-zA-Z-:]+)="([^"]*)"/g;
const NOT_A_TAG = /<(?:!doctype html|\/[a-z][a-z0-9]*)>/y;

/**
 * The start tags of a page, as strictly as Berth's own renderer writes them: lower case, every attribute quoted.
 * @throws Error at a `<` that begins nothing of the kind, which is how text that was not escaped shows
 */
export function tagsOf(html: string): Tag[] {
  const tags: Tag[] = [];
  for (let at = html.indexOf("<"); at !== -1; at = html.indexOf("<", at + 1)) {
    TAG.lastIndex = at;
    NOT_A_TAG.lastIndex = at;
    const match = TAG.exec(html);
    if (match === null) {
      if (NOT_A_TAG.test(html)) continue;
      throw new Error(`not markup of ours: ${html.slice(at, at + 80)}`);
    }
    const attributes = new Map<string, string>();
    for (const [, name = "", value = ""] of (match[2] ?? "").matchAll(ATTRIBUTE))
      attributes.set(name, unescape(value));
    tags.push({ name: match[1] ?? "", attributes, at, end: TAG.lastIndex });
  }
  return tags;
}

/** The start tags of one name. */
export const all = (html: string, name: string): Tag[] => tagsOf(html).filter((tag) => tag.name === name);

/** The one start tag for which the attribute has the value. */
export function one(html: string, attribute: string, value: string): Tag {
  const found = tagsOf(html).filter((tag) => tag.attributes.get(attribute) === value);
  const [tag] = found;
  if (tag === undefined || found.length > 1)
    throw new Error(`${found.length} tags have ${attribute}="${value}"`);
  return tag;
}

/** The text of a page or a part of it: tags removed, entities read, white space folded. */
export const textOf = (html: string): string =>
  unescape(html.replace(/<[^>]*>/g, " "))
    .replace(/\s+/g, " ")
    .trim();

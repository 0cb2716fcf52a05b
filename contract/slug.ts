import { BerthError } from "./problem.ts";

/** A piece of a slug: text, the time of rendering in milliseconds since 1970, or the host that the browser speaks to. */
export type SlugPart = { kind: "text"; text: string } | { kind: "now" } | { kind: "host" };

/** The longest SLUG, characters; a session's report carries no more. */
const LIMIT = 4096;
/** What no URL holds: control characters, and the two line separators of JavaScript. */
const CONTROL = /[\p{Cc}\u2028\u2029]/u;
/** The rest of a string literal, to its closing quote. */
const REST_OF_STRING = { '"': /([^"\\]*(?:\\.[^"\\]*)*)"/sy, "'": /([^'\\]*(?:\\.[^'\\]*)*)'/sy };
const OPERATOR = /\s*\+\s*/y;
const NOW =
  /(?:\(\s*new\s+Date\s*\(\s*\)\s*\)|new\s+Date\s*\(\s*\))\s*\.\s*getTime\s*\(\s*\)|Date\s*\.\s*now\s*\(\s*\)/y;
const HOST = /window\s*\.\s*location\s*\.\s*host(?![\w$])/y;
const ESCAPE = /\\(?:u\{([0-9a-f]{1,6})\}|u([0-9a-f]{4})|x([0-9a-f]{2})|([^0-9bfnrtuvx]))/giy;

/** Reads from the front of a text. `take` gives the match's first group, or undefined and stays where it is. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at += match[0].length;
    return match[1] ?? match[0];
  }
}

/** What a JavaScript string literal's inside means; undefined for an escape that is none, or is a control character. */
function unescape(inside: string): string | undefined {
  let text = "";
  for (let at = 0; at < inside.length;) {
    const next = inside.indexOf("\\", at);
    if (next === -1) return text + inside.slice(at);
    ESCAPE.lastIndex = next;
    const match = ESCAPE.exec(inside);
    if (match === null) return undefined;
    const [whole, braced, four, two, itself] = match;
    const code = Number.parseInt(braced ?? four ?? two ?? "0", 16);
    if (code > 0x10ffff) return undefined;
    text += inside.slice(at, next) + (itself ?? String.fromCodePoint(code));
    at = next + whole.length;
  }
  return text;
}

function operand(scanner: Scanner): SlugPart | undefined {
  if (scanner.take(NOW) !== undefined) return { kind: "now" };
  if (scanner.take(HOST) !== undefined) return { kind: "host" };
  const quote = scanner.take(/["']/y);
  return quote === '"' || quote === "'" ? literal(scanner, quote) : undefined;
}

function literal(scanner: Scanner, quote: '"' | "'"): SlugPart | undefined {
  const inside = scanner.take(REST_OF_STRING[quote]);
  const text = inside === undefined ? undefined : unescape(inside);
  return text === undefined ? undefined : { kind: "text", text };
}

/** The older form: it begins within a double-quoted string that the platform's own page has opened. */
function expression(raw: string): SlugPart[] | undefined {
  const scanner = new Scanner(raw);
  const parts: SlugPart[] = [];
  for (let part = literal(scanner, '"'); part !== undefined; part = operand(scanner)) {
    parts.push(part);
    if (scanner.isAtEnd) return parts;
    if (scanner.take(OPERATOR) === undefined) return undefined;
  }
  return undefined;
}

/** Joins neighbouring texts, drops empty ones and the slashes at the front, of both kinds since browsers read `\` as `/`. */
function tidy(parts: readonly SlugPart[]): SlugPart[] {
  const tidied: SlugPart[] = [];
  let text = "";
  for (const part of [...parts, undefined]) {
    if (part?.kind === "text") {
      text += part.text;
      continue;
    }
    if (tidied.length === 0) text = text.replace(/^[/\\]+/, "");
    if (text !== "") tidied.push({ kind: "text", text });
    text = "";
    if (part !== undefined) tidied.push(part);
  }
  return tidied;
}

function unreadable(raw: string, why: string): BerthError {
  const shown = JSON.stringify(raw.length > 200 ? `${raw.slice(0, 200)}…` : raw);
  return new BerthError(
    "invalid_request",
    `Cannot read the SLUG ${shown}: ${why}. Write the end of the URL, such as "lab" or "tree?x=1"`,
    { field: "SLUG" },
  );
}

/**
 * Reads a `SLUG` of service.json (design 3.1): a plain slug, or, when it holds a double quote, the older *tail of a
 * JavaScript string expression*. The latter is read, never evaluated: string literals, `+`, `window.location.host`,
 * and the calls that give the time.
 * @throws BerthError `invalid_request`, naming the text
 */
export function parseSlug(raw: string): SlugPart[] {
  if (raw.length > LIMIT) throw unreadable(raw, `it is longer than ${LIMIT} characters`);
  const read = raw.includes('"') ? expression(raw) : [{ kind: "text", text: raw } as const];
  if (read === undefined)
    throw unreadable(raw, "only strings, +, window.location.host and (new Date()).getTime() are understood");
  const parts = tidy(read);
  if (parts.some((part) => part.kind === "text" && CONTROL.test(part.text)))
    throw unreadable(raw, "it holds a control character");
  if (leaves(render(parts, { now: 0, host: "host" })))
    throw unreadable(raw, 'it holds a ".." segment, which leads to another session');
  return parts;
}

function spell(part: SlugPart, context: { now: number; host: string }): string {
  switch (part.kind) {
    case "text":
      // RFC 3986 leaves these as they are. The backslash is encoded with the rest: in a path browsers take it for a slash.
      return part.text
        .toWellFormed()
        .replaceAll(/[^A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+/g, encodeURIComponent);
    case "now":
      return String(context.now);
    case "host":
      return context.host.toWellFormed().replaceAll(/[^A-Za-z0-9\-.:[\]]+/g, encodeURIComponent);
    default:
      return part satisfies never;
  }
}

const render = (parts: readonly SlugPart[], context: { now: number; host: string }): string =>
  parts.map((part) => spell(part, context)).join("");

/** True when a browser would resolve the slug to something outside of the path that it is appended to (WHATWG URL, dot segments). */
function leaves(slug: string): boolean {
  const [path = ""] = slug.split(/[?#]/, 1);
  return path.split("/").some((segment) => /^(?:\.|%2e){2}$/i.test(segment));
}

/**
 * Spells a slug as it stands behind `/me/<PORT>/`: ASCII, no slash in front, percent-encoded where a URL demands it.
 * `..` segments are refused rather than resolved: nobody means them, and the page that opened would be another than
 * the file says.
 * @param context.now milliseconds since 1970
 * @param context.host the host, with its port where there is one, that the browser speaks to
 * @throws BerthError `invalid_request` when host and text together would leave the path
 */
export function renderSlug(parts: readonly SlugPart[], context: { now: number; host: string }): string {
  const slug = render(parts, context);
  if (leaves(slug)) throw unreadable(slug, 'it holds a ".." segment, which leads to another session');
  return slug;
}

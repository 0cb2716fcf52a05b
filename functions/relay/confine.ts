import { type HeaderList, valueOf } from "./header-list.ts";

/*
 * What every answer of an application's gets, whatever the service: it is for one person, and for pages of its own origin.
 */

/** A directive, whose value may hold commas (RFC 9111, section 5.2). */
const DIRECTIVE = /[^\s,="]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s,"]*))?/g;
const FOR_SHARED_CACHES = /^(?:public|private|s-maxage|proxy-revalidate)(?:\s*=|$)/i;

/**
 * What a service says of caches, for the browser's alone: other people's answers have the same address. A service that
 * says nothing leaves a cache to guess.
 * @param said the value of its `Cache-Control`, undefined without one
 */
function privateCacheControl(said: string | undefined): string {
  if (said === undefined) return "private";
  const directives = said.match(DIRECTIVE) ?? [];
  return ["private", ...directives.filter((directive) => !FOR_SHARED_CACHES.test(directive))].join(", ");
}

/**
 * Where the service says nothing: no page of another origin embeds or frames an answer, or holds the window that it is
 * shown in; windows that it opens itself, such as another site's login, stay in its hands.
 */
const DEFAULTS = [
  ["cross-origin-resource-policy", "same-origin"],
  ["cross-origin-opener-policy", "same-origin-allow-popups"],
  // Sessions on hosts of their own are of one site: this asks for a process for each.
  ["origin-agent-cluster", "?1"],
] as const;

/** An answer's headers, names in lower case, with what keeps it where it belongs. */
export function confine(headers: HeaderList): HeaderList {
  const has = (name: string): boolean => headers.some(([each]) => each === name);
  const confined = headers.filter(([name]) => name !== "cache-control");
  confined.push(["cache-control", privateCacheControl(valueOf(headers, "cache-control"))]);
  for (const [name, value] of DEFAULTS) if (!has(name)) confined.push([name, value]);
  const isFramingSaid =
    has("x-frame-options") ||
    valueOf(headers, "content-security-policy")?.toLowerCase().includes("frame-ancestors") === true;
  // Beside the service's own policy: both hold (Content Security Policy Level 3, section 2.2).
  if (!isFramingSaid) confined.push(["content-security-policy", "frame-ancestors 'self'"]);
  return confined;
}

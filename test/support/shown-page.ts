const ENTITIES: Readonly<Record<string, string>> = {
  "&#39;": "'",
  "&quot;": '"',
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
};

const unescaped = (html: string): string =>
  html.replaceAll(/&[#\w]+;/g, (entity) => ENTITIES[entity] ?? entity);

/** What somebody reads on a page, on one line. */
export const textOf = (html: string): string =>
  unescaped(html.replace(/<head>.*<\/head>/s, "").replaceAll(/<[^>]*>/g, " ")).replaceAll(/\s+/g, " ");

/** Where the page's first button leads; empty without one. */
export const buttonOf = (html: string): string =>
  unescaped(/class="button primary" href="([^"]*)"/.exec(html)?.[1] ?? "");

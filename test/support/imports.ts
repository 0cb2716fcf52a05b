import { extname } from "node:path";
import { parseAst } from "vitest/node";

const LANGUAGE = { ".ts": "ts", ".tsx": "tsx", ".mjs": "js", ".js": "js" } as const;

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** Every node of a syntax tree, and whatever else is an object in it. */
function* objectsOf(value: unknown): Generator<object> {
  if (!isObject(value)) return;
  yield value;
  for (const part of Object.values(value)) yield* objectsOf(part);
}

/**
 * What a module names of others: static, dynamic and type imports, `import type`, re-exports, `import x = require()`.
 * @returns the specifiers as they are written; null for a dynamic import whose specifier is computed
 * @throws SyntaxError when the code does not parse
 */
export function importsOf(code: string, file: string): (string | null)[] {
  const lang = LANGUAGE[extname(file) as keyof typeof LANGUAGE];
  const specifiers: (string | null)[] = [];
  for (const node of objectsOf(parseAst(code, { lang }))) {
    const type = "type" in node ? node.type : undefined;
    const source =
      type === "TSExternalModuleReference" && "expression" in node
        ? node.expression
        : "source" in node
          ? node.source
          : undefined;
    if (!isObject(source)) continue;
    specifiers.push("value" in source && typeof source.value === "string" ? source.value : null);
  }
  return specifiers;
}

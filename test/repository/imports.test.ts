import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { importsOf } from "../support/imports.ts";
import { repositoryFiles, ROOT } from "../support/repository-files.ts";

/** Which folders the sources of a folder may import besides their own, and which packages where they are few. */
const ARROWS: Record<string, { folders: string[]; packages?: RegExp }> = {
  contract: { folders: [], packages: /^zod$/ },
  // The Worker runs on workerd without Node's modules.
  functions: { folders: ["contract"], packages: /^(?!node:)/ },
  agent: { folders: ["contract"] },
  local: { folders: ["agent", "contract"] },
  services: { folders: [] },
};

const folderOf = (file: string): string => file.split("/")[0] ?? "";

/** The imports of a file that point where no arrow does. */
function strayImports(file: string, code: string): string[] {
  const { folders, packages = /./ } = ARROWS[folderOf(file)] ?? { folders: [] };
  return importsOf(code, file)
    .filter((specifier) => {
      if (specifier === null) return true;
      if (!specifier.startsWith(".")) return !packages.test(specifier);
      const target = folderOf(normalize(join(dirname(file), specifier)));
      return target !== folderOf(file) && !folders.includes(target);
    })
    .map((specifier) => specifier ?? "a computed import()");
}

describe("the import arrows", () => {
  const sources = repositoryFiles().filter(
    (file) => /\.(ts|tsx|mjs)$/.test(file) && folderOf(file) in ARROWS,
  );

  it.each(Object.keys(ARROWS))("of %s/ point where they may", (folder) => {
    const strays = sources
      .filter((file) => folderOf(file) === folder)
      .flatMap((file) =>
        strayImports(file, readFileSync(join(ROOT, file), "utf8")).map((stray) => `${file}: ${stray}`),
      );
    expect(strays).toEqual([]);
  });

  it("are looked at in every folder that has sources", () => {
    const folders = new Set(sources.map(folderOf));
    expect([...folders]).toEqual(expect.arrayContaining(["contract", "functions", "agent", "local"]));
  });

  it.each([
    [`import { Link } from "../agent/link.ts";`, "../agent/link.ts"],
    [`import type { Link } from "../agent/link.ts";`, "../agent/link.ts"],
    [`export * from "../agent/link.ts";`, "../agent/link.ts"],
    [`export { Link } from "../agent/link.ts";`, "../agent/link.ts"],
    [`const { Link } = await import("../agent/link.ts");`, "../agent/link.ts"],
    [`type Link = import("../agent/link.ts").Link;`, "../agent/link.ts"],
    [`import link = require("../agent/link.ts");`, "../agent/link.ts"],
    [`await import(name);`, "a computed import()"],
    [`import { readFile } from "node:fs/promises";`, "node:fs/promises"],
    [`import text from "../../outside.txt";`, "../../outside.txt"],
  ])("refuse %s in functions/", (code, stray) => {
    expect(strayImports("functions/a.ts", code)).toEqual([stray]);
  });

  it("do not mind what only a comment or a string says", () => {
    const code = `// import "../agent/link.ts"\nexport const text = 'import "../agent/link.ts"';`;
    expect(strayImports("functions/a.ts", code)).toEqual([]);
  });
});

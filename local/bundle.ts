import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { build, type Plugin } from "esbuild";

const ROOT = dirname(import.meta.dirname);

/** `import text from "./file?raw"` gives the file's text: Vite's suffix, so that tests in workerd read the same sources. */
const rawText: Plugin = {
  name: "raw-text",
  setup(bundler) {
    bundler.onResolve({ filter: /\?raw$/ }, async ({ path, kind, importer, resolveDir }) => {
      const resolved = await bundler.resolve(path.slice(0, -"?raw".length), { kind, importer, resolveDir });
      return resolved.errors.length > 0 ? resolved : { path: resolved.path, namespace: "raw-text" };
    });
    bundler.onLoad({ filter: /.*/, namespace: "raw-text" }, async ({ path }) => ({
      contents: await readFile(path, "utf8"),
      loader: "text",
      watchFiles: [path],
    }));
  },
};

/**
 * Bundles the Worker into one ES module, which the local edge runs and `wrangler deploy` uploads.
 * @param entry the Worker's entry, functions/index.ts unless told
 * @returns the module's code, with its source map inline
 * @throws esbuild's BuildFailure, which carries every message; they are printed too
 */
export async function bundle(entry = join(ROOT, "functions/index.ts")): Promise<string> {
  const result = await build({
    entryPoints: [entry],
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    jsx: "automatic",
    jsxImportSource: "hono/jsx",
    sourcemap: "inline",
    sourcesContent: false,
    logLevel: "warning",
    plugins: [rawText],
  });
  const [output] = result.outputFiles;
  if (output === undefined) throw new Error(`Cannot bundle "${entry}": esbuild made no output`);
  return output.text;
}

if (import.meta.main) {
  const target = join(ROOT, "dist/worker.js");
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, await bundle());
}

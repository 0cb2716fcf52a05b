import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { RUNTIME } from "../../local/edge.ts";

it("the local edge runs the version and with the flags that a deployed one gets", async () => {
  const toml = await readFile(join(import.meta.dirname, "../../wrangler.toml"), "utf8");
  expect(toml).toContain(`compatibility_date = "${RUNTIME.compatibilityDate}"`);
  expect(toml).toContain(`compatibility_flags = ${JSON.stringify(RUNTIME.compatibilityFlags)}`);
});

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { NEEDS } from "../gate/needs.ts";
import { CHECK, GATE } from "../gate/steps.ts";
import { commandsOf, documentedCommands, proofOf } from "../support/documentation.ts";
import { ROOT } from "../support/repository-files.ts";

const Manifest = z.object({ scripts: z.record(z.string(), z.string()) });
const { scripts } = Manifest.parse(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")));

const commands = documentedCommands();

describe("the documentation's commands", () => {
  it.each(commands)("$page: `$command` is proven to work", { timeout: 120_000 }, ({ command }) => {
    const proof = proofOf(command);
    if (proof === undefined)
      throw new Error(`Add "${command}" to PROOFS in test/support/documentation.ts, with what runs it.`);
    if (proof.by === "steps")
      expect([...CHECK, ...GATE].map(({ name }) => name)).toEqual(expect.arrayContaining([...proof.steps]));
    if (proof.by === "package") expect(NEEDS.flatMap(({ packages }) => packages)).toContain(proof.package);
    if (proof.by === "test") {
      const test = readFileSync(join(ROOT, proof.file), "utf8");
      expect(proof.says.filter((words) => !test.includes(words))).toEqual([]);
    }
    if (proof.by === "here") execFileSync("sh", ["-c", command], { cwd: ROOT, stdio: "pipe" });
  });

  it("name scripts that package.json has", () => {
    const named = commands.flatMap(({ command }) => {
      const [, script = command] = /^npm (?:run )?([\w-]+)/.exec(command) ?? [];
      return script === command ? [] : [script];
    });
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
  });

  it("are found in a block, without prompt, comment and line break", () => {
    const page =
      "# Page\n```sh\n$ npm test # all\nnpm run \\\n  check\n\n# only words\n```\n```json\n{}\n```\n";
    expect(commandsOf(page)).toEqual(["npm test", "npm run check"]);
  });
});

describe("the scripts of package.json", () => {
  it.each(Object.entries(scripts))("%s runs files that exist: %s", (_, script) => {
    const files = script.split(" ").filter((word) => /\.(mjs|js|ts)$/.test(word));
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });
});

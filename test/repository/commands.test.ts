import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { CHECK, GATE } from "../gate/steps.ts";
import { repositoryFiles, ROOT } from "../support/repository-files.ts";

/**
 * How a documented command is known to work.
 * - `here`: this test runs these words instead, where "npm run x" becomes the script behind it.
 * - `steps`: the gate runs the same by these steps.
 * - `test`: that file of tests runs it.
 * - `outside`: it happens before there is a repository, or it is this very gate.
 */
type Proof =
  | { by: "here"; argv: readonly [string, ...string[]] }
  | { by: "steps"; steps: readonly string[] }
  | { by: "test"; file: string }
  | { by: "outside" };

const PROOFS: readonly (readonly [command: RegExp, proof: Proof])[] = [
  [/^git clone \S+$/, { by: "outside" }],
  [/^cd berth$/, { by: "outside" }],
  [/^npm test( -- \S+)?$/, { by: "outside" }],
  [/^npm run check$/, { by: "steps", steps: CHECK.map(({ name }) => name) }],
  [/^npm run format$/, { by: "steps", steps: ["format"] }],
  [/^npm run deploy$/, { by: "steps", steps: ["deploy, without the last step"] }],
  [/^npm run bundle$/, { by: "here", argv: ["node", "local/bootstrap.mjs", "local/bundle.ts"] }],
];

/** The lines of a page's shell blocks that are commands: joined where `\` continues them, without prompt and comment. */
function commandsOf(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/^```(?:sh|bash|shell|console)\n(.*?)^```/gms)].map(
    ([, text = ""]) => text,
  );
  return blocks
    .flatMap((block) => block.replaceAll(/\s*\\\n\s*/g, " ").split("\n"))
    .map((line) =>
      line
        .replace(/^\$ /, "")
        .replace(/(^|\s+)#.*$/, "")
        .trim(),
    )
    .filter((line) => line !== "");
}

const pages = repositoryFiles().filter((file) => file.endsWith(".md") && !file.startsWith("test/fixtures/"));
const commands = pages.flatMap((page) =>
  commandsOf(readFileSync(join(ROOT, page), "utf8")).map((command) => ({ page, command })),
);
const proofOf = (command: string): Proof | undefined =>
  PROOFS.find(([pattern]) => pattern.test(command))?.[1];

const Manifest = z.object({ scripts: z.record(z.string(), z.string()) });
const { scripts } = Manifest.parse(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")));

describe("the documentation's commands", () => {
  it.each(commands)("$page: `$command` is proven to work", ({ command }) => {
    const proof = proofOf(command);
    expect(proof, `add "${command}" to PROOFS, with what runs it`).toBeDefined();
    if (proof?.by === "steps")
      expect([...CHECK, ...GATE].map(({ name }) => name)).toEqual(expect.arrayContaining([...proof.steps]));
    if (proof?.by === "test") expect(existsSync(join(ROOT, proof.file))).toBe(true);
  });

  const here = commands.map(({ command }) => proofOf(command)).filter((proof) => proof?.by === "here");
  it.each([...new Set(here)])("$argv runs", ({ argv: [program, ...parameters] }) => {
    execFileSync(program, parameters, { cwd: ROOT, stdio: "pipe" });
  });

  it("name scripts that exist", () => {
    const named = commands.flatMap(
      ({ command }) => /^npm (?:run ([\w-]+)|(start|test)\b)/.exec(command)?.slice(1) ?? [],
    );
    for (const name of named.filter(Boolean)) expect(scripts).toHaveProperty([name]);
  });

  it("are found in every kind of shell block", () => {
    const page =
      "# Page\n```sh\n$ npm test # all\nnpm run \\\n  check\n\n# only words\n```\n```json\n{}\n```\n";
    expect(commandsOf(page)).toEqual(["npm test", "npm run check"]);
  });
});

describe("the scripts of package.json", () => {
  it.each(Object.entries(scripts))("%s runs what exists: %s", (_, script) => {
    const files = script.split(" ").filter((word) => /\.(mjs|js|ts)$/.test(word));
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
    if (files.length > 0) expect(basename(files[0] ?? "")).toBe("bootstrap.mjs");
  });
});

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseDefinition } from "../../agent/service-definition.ts";
import { Input, ServiceDefinition } from "../../contract/service.ts";
import { parseServiceJson } from "../../contract/service-json.ts";
import { parseSlug, renderSlug } from "../../contract/slug.ts";
import { sessionDirectory } from "../support/session-directory.ts";

const guide = await readFile(join(import.meta.dirname, "../../docs/service-author.md"), "utf8");

/** The guide's only block in this language. */
function block(language: string): string {
  const blocks = guide.split(`\n\`\`\`${language}\n`).slice(1);
  if (blocks.length !== 1) throw new Error(`the guide has ${blocks.length} blocks of ${language}`);
  return blocks[0]?.split("\n```\n")[0] ?? "";
}

describe("the guide for service authors", () => {
  it("shows a service.yaml that is valid and has every key and every kind of input", () => {
    const definition = parseDefinition(block("yaml"));
    expect(Object.keys(definition).toSorted()).toEqual(Object.keys(ServiceDefinition.shape).toSorted());
    expect(new Set(definition.inputs.map(({ type }) => type))).toEqual(
      new Set(Input.options.flatMap(({ shape }) => [...shape.type.values])),
    );
  });

  it("shows a service.json that can be read", () => {
    expect(parseServiceJson(block("json"))).toMatchObject({
      ok: true,
      value: { port: 51_458, phase: "running" },
    });
  });

  it("tells what each form of SLUG opens", () => {
    const rows = [...guide.matchAll(/^\| `("[^`]*)` \| (?:`(\S+)`|nothing behind the port) \|$/gm)];
    expect(rows).toHaveLength(5);
    for (const [, raw = "", opens = ""] of rows) {
      const parts = parseSlug(JSON.parse(raw) as string);
      expect(renderSlug(parts, { now: 1_795_000_000_000, host: "berth.example.org" })).toBe(opens);
    }
  });

  it("names no variable that a script does not get", async () => {
    const table = guide.split("| variable | holds |")[1]?.split("\n\n")[0] ?? "";
    const names = [...table.matchAll(/`([A-Za-z_]+)`/g)]
      .map(([, name = ""]) => name)
      .filter((name) => !/^[A-Z]|^true$|^false$|^workspace$/.test(name));
    expect(names.length).toBeGreaterThan(10);
    const session = await sessionDirectory({
      "start_template.sh": `for name in ${names.join(" ")}; do [[ -v $name ]] || echo "$name"; done`,
    });
    expect(await (await session.start()).ended).toBe(0);
    expect(await session.read("log")).toBe("");
  });

  it("shows a start script that bash reads", async () => {
    const session = await sessionDirectory({ "start_template.sh": `check() { ${block("bash")}\n}` });
    expect(await (await session.start()).ended).toBe(0);
  });
});

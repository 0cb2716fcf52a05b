import { describe, expect, it } from "vitest";
import { parseDefinition } from "../../agent/service-definition.ts";

describe("a service definition", () => {
  it.each(["", "# nothing yet\n", "---\n"])("may be empty: %j", (text) => {
    expect(parseDefinition(text)).toMatchObject({ slug: "", url: "/me", stripPrefix: true, inputs: [] });
  });

  it("fills what is left out", () => {
    const { inputs, readiness } = parseDefinition(
      "readiness: { path: /api }\ninputs:\n  - { type: choice, name: size, options: [{ value: small }] }\n",
    );
    expect(readiness).toEqual({ path: "/api", below: 500, timeout: 300 });
    expect(inputs).toEqual([
      { type: "choice", name: "size", required: false, options: [{ value: "small" }] },
    ]);
  });

  it.each([
    ["no YAML", "title: [", /^service\.yaml:1: /],
    ["two keys of one name", "title: a\ntitle: b", /^service\.yaml:2: Map keys must be unique/],
    ["an unknown key", "titel: Jupyter", /^service\.yaml:1: .*titel/],
    ["a list", "- title", /^service\.yaml:1: /],
    ["an unknown placement", "title: a\nplacements:\n  - moon\n", /^service\.yaml:3: placements\.0: /],
    [
      "an input without a type",
      "title: a\n\ninputs:\n  - name: folder\n    label: Folder\n",
      /^service\.yaml:4: inputs\.0\.type: /,
    ],
    [
      "an input that no shell can name",
      "inputs:\n  - type: string\n    name: a-b\n",
      /^service\.yaml:3: inputs\.0\.name: must be a shell variable name/,
    ],
    [
      "a pattern that is none",
      "inputs:\n  - { type: string, name: a, pattern: '(' }",
      /^service\.yaml:2: inputs\.0\.pattern: /,
    ],
    [
      "a default beyond its limits",
      "inputs:\n  - { type: number, name: a, max: 3, default: 4 }",
      /^service\.yaml:2: inputs\.0\.default: a: must be at most 3/,
    ],
    [
      "a condition on no input",
      "inputs:\n  - { type: string, name: a, showWhen: { input: b, is: x } }",
      /^service\.yaml:2: inputs\.0\.showWhen: no input "b" stands before it/,
    ],
    ["an icon elsewhere", "icon: ../../etc/passwd.svg", /^service\.yaml:1: icon: /],
    ["an alias to nothing", "title: *nobody", /^service\.yaml/],
  ])("is refused, by its line, with %s", (_, text, message) => {
    expect(() => parseDefinition(text)).toThrow(message);
  });

  it("is refused when its aliases would exhaust the memory", () => {
    const levels = Array.from(
      { length: 12 },
      (_, level) => `k${level + 1}: &k${level + 1} [${`*k${level}, `.repeat(12)}]`,
    );
    expect(() => parseDefinition(`k0: &k0 lol\n${levels.join("\n")}`)).toThrow(/^service\.yaml: .*alias/);
  });
});

import { describe, expect, it } from "vitest";
import type { ServiceJson } from "../../contract/service-json.ts";
import { composeServiceJson, parseServiceJson } from "../../contract/service-json.ts";

const EXAMPLE = { URL: "/me", PORT: "51458", SLUG: "tree", JOB_STATUS: "Running", ERROR_MESSAGE: "" };
const READ: ServiceJson = {
  scheme: "me",
  port: 51_458,
  slug: "tree",
  status: "Running",
  phase: "running",
  error: "",
  stripPrefix: true,
};

const read = (changes: Record<string, unknown>) =>
  parseServiceJson(JSON.stringify({ ...EXAMPLE, ...changes }));

describe("service.json", () => {
  it.each<[string, Record<string, unknown>, Partial<ServiceJson>]>([
    ["the example of the design", {}, {}],
    ["a service that speaks HTTPS", { URL: "/sme" }, { scheme: "sme" }],
    ["no URL", { URL: undefined }, {}],
    ["a port that is a number", { PORT: 51_458 }, {}],
    ["the lowest port", { PORT: "1024" }, { port: 1024 }],
    ["the highest port", { PORT: "65535" }, { port: 65_535 }],
    [
      "an empty port while pending",
      { PORT: "", JOB_STATUS: "Submitted" },
      { port: undefined, status: "Submitted", phase: "pending" },
    ],
    [
      "no port while pending",
      { PORT: undefined, JOB_STATUS: "" },
      { port: undefined, status: "", phase: "pending" },
    ],
    [
      "a null port while pending",
      { PORT: null, JOB_STATUS: "x" },
      { port: undefined, status: "x", phase: "pending" },
    ],
    ["a port while pending", { JOB_STATUS: "Installing" }, { status: "Installing", phase: "pending" }],
    [
      "a failure without a port",
      { PORT: "", JOB_STATUS: "failed", ERROR_MESSAGE: "no licence" },
      { port: undefined, status: "failed", phase: "failed", error: "no licence" },
    ],
    [
      "an end without a port",
      { PORT: "", JOB_STATUS: "completed" },
      { port: undefined, status: "completed", phase: "completed" },
    ],
    ["no slug", { SLUG: undefined }, { slug: "" }],
    ["a lone quote for no slug", { SLUG: '"' }, { slug: '"' }],
    [
      "an older slug",
      { SLUG: 'tree?dt="+(new Date()).getTime()' },
      { slug: 'tree?dt="+(new Date()).getTime()' },
    ],
    ["a status with space around it", { JOB_STATUS: "  RUNNING\n" }, { status: "RUNNING" }],
    ["running, for short", { JOB_STATUS: "R" }, { status: "R" }],
    [
      "another status that begins so",
      { JOB_STATUS: "Running late" },
      { status: "Running late", phase: "pending" },
    ],
    ["canceled", { JOB_STATUS: "Canceled" }, { status: "Canceled", phase: "canceled" }],
    ["cancelled", { JOB_STATUS: "cancelled" }, { status: "cancelled", phase: "canceled" }],
    ["completed", { JOB_STATUS: "COMPLETED" }, { status: "COMPLETED", phase: "completed" }],
    [
      "failed",
      { JOB_STATUS: "Failed", ERROR_MESSAGE: "no licence" },
      { status: "Failed", phase: "failed", error: "no licence" },
    ],
    [
      "failed without a message",
      { JOB_STATUS: "failed", ERROR_MESSAGE: undefined },
      { status: "failed", phase: "failed" },
    ],
    ["a message while running", { ERROR_MESSAGE: "stale" }, { error: "" }],
    ["a message of any kind while running", { ERROR_MESSAGE: 5 }, { error: "" }],
    ["the prefix kept", { STRIP_PREFIX: false }, { stripPrefix: false }],
    ["the prefix kept, as text", { STRIP_PREFIX: "false" }, { stripPrefix: false }],
    ["the prefix stripped, as text", { STRIP_PREFIX: "true" }, { stripPrefix: true }],
    ["keys that are not ours", { color: "blue", nested: { a: [1] } }, {}],
    [
      "a status past its limit",
      { JOB_STATUS: "x".repeat(2000) },
      { status: "x".repeat(1024), phase: "pending" },
    ],
    [
      "a message past its limit",
      { JOB_STATUS: "failed", ERROR_MESSAGE: "x".repeat(20_000) },
      { status: "failed", phase: "failed", error: "x".repeat(16_384) },
    ],
  ])("reads %s", (_what, changes, expected) => {
    expect(read(changes)).toMatchObject({ ok: true, value: { ...READ, ...expected } });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["a port of 0", { PORT: 0 }, "PORT must be from 1024 to 65535; it is 0"],
    ["a privileged port", { PORT: "1023" }, 'it is "1023"'],
    ["the port of sshd", { PORT: 22 }, "it is 22"],
    ["a port past the last", { PORT: 65_536 }, "it is 65536"],
    ["a huge port", { PORT: 1e21 }, "it is 1e+21"],
    ["a negative port", { PORT: -8080 }, "it is -8080"],
    ["a broken port", { PORT: 8080.5 }, "it is 8080.5"],
    ["leading zeros", { PORT: "08080" }, 'it is "08080"'],
    ["a sign", { PORT: "+8080" }, 'it is "+8080"'],
    ["an exponent", { PORT: "1e4" }, 'it is "1e4"'],
    ["hexadecimal", { PORT: "0x1F90" }, 'it is "0x1F90"'],
    ["unicode digits", { PORT: "８０８０" }, 'it is "８０８０"'],
    ["a host behind the port", { PORT: "80@evil" }, 'it is "80@evil"'],
    ["a newline behind the port", { PORT: "8080\n" }, String.raw`it is "8080\n"`],
    ["space around the port", { PORT: " 8080" }, 'it is " 8080"'],
    ["a port that is a list", { PORT: [8080] }, "PORT must be a number or text"],
    ["a bad port while pending", { PORT: "80", JOB_STATUS: "Submitted" }, 'it is "80"'],
    ["no port while running", { PORT: "" }, 'PORT is missing although JOB_STATUS is "Running"'],
    ["another URL", { URL: "/you" }, 'URL must be "/me" or "/sme"; it is "/you"'],
    ["a URL with a host", { URL: "http://evil/me" }, 'it is "http://evil/me"'],
    ["a URL that is a number", { URL: 1 }, "it is 1"],
    ["a slug that cannot be read", { SLUG: 'a"+alert(1)' }, String.raw`"a\"+alert(1)"`],
    ["a slug that leaves its path", { SLUG: "../x" }, '"../x"'],
    ["a slug that is a number", { SLUG: 1 }, "SLUG must be text"],
    ["a status that is a number", { JOB_STATUS: 1 }, "JOB_STATUS must be text"],
    ["a message that is a number", { JOB_STATUS: "failed", ERROR_MESSAGE: 1 }, "ERROR_MESSAGE must be text"],
    ["another prefix rule", { STRIP_PREFIX: "no" }, "STRIP_PREFIX must be true or false"],
  ])("refuses %s", (_what, changes, reason) => {
    expect(read(changes)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
  });

  it.each([
    ["nothing", "", "not JSON"],
    ["half of itself", '{ "URL": "/me", "PO', "not JSON"],
    ["a list", "[]", "not a JSON object"],
    ["null", "null", "not a JSON object"],
    ["too much", `{"x":"${"x".repeat(262_144)}"}`, "too large"],
    ["what is nested too deeply", `{"x":${"[".repeat(60_000)}${"]".repeat(60_000)}}`, "nested too deeply"],
  ])("refuses %s", (_what, text, reason) => {
    expect(parseServiceJson(text)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
  });

  it("may begin with a byte order mark", () => {
    expect(parseServiceJson(`\uFEFF${JSON.stringify(EXAMPLE)}`)).toMatchObject({ ok: true, value: READ });
  });
});

describe("writing service.json", () => {
  it("makes a complete file from nothing", () => {
    expect(composeServiceJson({}, { scheme: "me", port: 51_458, slug: "tree", status: "Running" })).toBe(
      `${JSON.stringify(EXAMPLE, undefined, 2)}\n`,
    );
  });

  it("changes only what it was given", () => {
    const raw = { ...EXAMPLE, STRIP_PREFIX: false };
    expect(composeServiceJson(raw, {})).toBe(`${JSON.stringify(raw, undefined, 2)}\n`);
    expect(JSON.parse(composeServiceJson(raw, { status: "failed", error: 'no "x"' }))).toEqual({
      ...raw,
      JOB_STATUS: "failed",
      ERROR_MESSAGE: 'no "x"',
    });
  });

  it("keeps keys that it does not know", () => {
    const text = '{"__proto__": {"x": 1}, "note": ["a"], "JOB_STATUS": "Starting"}';
    const before = parseServiceJson(text);
    if (!before.ok) throw new Error(before.reason);
    const written = composeServiceJson(before.raw, { status: "Running", port: 51_458, stripPrefix: false });
    expect(written).toContain('"__proto__": {\n    "x": 1\n  },\n  "note": [\n    "a"\n  ]');
    expect(parseServiceJson(written)).toMatchObject({
      ok: true,
      value: { ...READ, slug: "", stripPrefix: false },
    });
  });

  it("is stable: what it wrote it writes again", () => {
    const once = composeServiceJson({ z: 1, PORT: 51_458, a: 2 }, { status: "x" });
    const again = parseServiceJson(once);
    expect(again.ok && composeServiceJson(again.raw, { status: "x" })).toBe(once);
  });
});

import { describe, expect, it } from "vitest";
import { z } from "zod";
import { NewToken } from "../../contract/account.ts";
import { invalid } from "../../contract/problem.ts";
import { LaunchRequest } from "../../contract/session.ts";
import { ShareRequest } from "../../contract/share.ts";

function detailOf(schema: z.ZodType, value: unknown): string {
  const parsed = schema.safeParse(value);
  if (parsed.success) throw new Error("it is valid");
  return invalid("invalid_request", parsed.error).problem.detail;
}

describe("what is wrong with a field", () => {
  const share = { with: { kind: "group", name: "tides" } };
  it.each<[z.ZodType, unknown, string]>([
    [LaunchRequest, { service: "webshell", name: "x".repeat(81) }, "name: must have at most 80 characters"],
    [LaunchRequest, {}, "service: is missing"],
    [LaunchRequest, { service: 7 }, "service: must be of the type string"],
    [LaunchRequest, { service: "webshell", places: "here" }, "places: is no field that is known here"],
    [
      LaunchRequest,
      { service: "webshell", placement: "moon" },
      "placement: must be one of workspace, controller, compute",
    ],
    [NewToken, { name: "", scopes: ["read"] }, "name: must not be empty"],
    [NewToken, { name: "x", scopes: [] }, "scopes: must have at least one"],
    [ShareRequest, { ...share, mode: "own" }, "mode: must be one of view, use"],
    [z.object({ cores: z.number().max(64) }), { cores: 65 }, "cores: must be at most 64"],
    [z.object({ hosts: z.array(z.string()).min(1) }), { hosts: [] }, "hosts: must have at least 1 entry"],
    [z.object({ cores: z.number().min(2) }), { cores: 1 }, "cores: must be at least 2"],
    [z.object({ name: z.string().min(3, "says too little") }), { name: "x" }, "name: says too little"],
  ])("is said in words, %#", (schema, value, detail) => {
    expect(detailOf(schema, value)).toBe(detail);
  });
});

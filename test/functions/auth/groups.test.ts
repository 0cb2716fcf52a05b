import { describe, expect, it } from "vitest";
import { groupsOf, roleFor } from "../../../functions/auth/groups.ts";

describe("the groups of a claim", () => {
  it.each<[string, Record<string, unknown>, string, string[]]>([
    ["a list", { groups: ["tides", "rivers"] }, "groups", ["tides", "rivers"]],
    ["a single one", { groups: "tides" }, "groups", ["tides"]],
    ["none", {}, "groups", []],
    ["an empty list", { groups: [] }, "groups", []],
    ["what is inside another", { realm_access: { roles: ["tides"] } }, "realm_access.roles", ["tides"]],
    ["an address", { "https://example.org/groups": ["tides"] }, "https://example.org/groups", ["tides"]],
    ["what is no text", { groups: ["tides", 1, null, {}, ["rivers"], ""] }, "groups", ["tides"]],
    ["what is no list", { groups: { tides: true } }, "groups", []],
    ["what every object has", { groups: {} }, "constructor", []],
    ["what every object has, further in", { groups: {} }, "groups.constructor.name", []],
    ["a path into a list", { groups: ["tides"] }, "groups.0", []],
    ["a path into a text", { groups: "tides" }, "groups.length", []],
  ])("are read from %s", (_what, claims, claim, groups) => {
    expect(groupsOf(claims, claim)).toEqual(groups);
  });
});

describe("the role of a group's member", () => {
  const open = { claim: "groups", operators: ["operators"], allowed: null };
  const closed = { ...open, allowed: ["tides"] };

  it.each([
    [[], open, "user"],
    [["storms"], open, "user"],
    [["operators"], open, "operator"],
    [["tides"], closed, "user"],
    [["storms", "tides"], closed, "user"],
    [["tides", "operators"], closed, "operator"],
    [["operators"], closed, "operator"],
    [["storms"], closed, null],
    [[], closed, null],
    [["Tides"], closed, null],
    [["tides "], closed, null],
    [["anything"], { ...open, operators: [] }, "user"],
  ] as const)("%j: %j is %s", (groups, config, role) => {
    expect(roleFor(groups, config)).toBe(role);
  });
});

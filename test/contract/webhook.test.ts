import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EVENT_TYPES, PlatformCall, SessionEvent } from "../../contract/webhook.ts";
import { ROOT } from "../support/repository-files.ts";

const guide = readFileSync(join(ROOT, "docs/webhooks.md"), "utf8");
const examples = [...guide.matchAll(/^```json\n(.*?)^```/gms)].map(([, text = ""]): unknown =>
  JSON.parse(text),
);
const isEvent = (example: unknown): boolean => SessionEvent.safeParse(example).success;

const call = (type: string, data: object): boolean =>
  PlatformCall.safeParse({ type, timestamp: "2026-11-23T15:04:05Z", data }).success;

describe("the guide to webhooks", () => {
  it("shows an example of every call, as the schema has it", () => {
    const calls = examples
      .filter((example) => !isEvent(example))
      .map((example) => PlatformCall.parse(example));
    expect(calls.map(({ type }) => type)).toEqual(["session.launch", "session.cancel", "session.status"]);
  });

  it("shows an event with every field that it has", () => {
    const [event, ...others] = examples.filter(isEvent);
    expect(others).toEqual([]);
    expect(SessionEvent.parse(event)).toEqual(event);
  });

  it("says when each event comes", () => {
    for (const type of EVENT_TYPES) expect(guide).toContain(`\n| \`${type}\` |`);
  });
});

describe("a call", () => {
  it.each([
    ["a user", "session.status", {}],
    ["a user that is a text", "session.status", { user: 5 }],
    ["a user that is not empty", "session.status", { user: "" }],
    ["a user that has an end", "session.status", { user: "a".repeat(256) }],
    ["a session to cancel", "session.cancel", { user: "ana" }],
    [
      "a reason that has an end",
      "session.cancel",
      { user: "ana", id: "s4k2m9x0v7qrt", reason: "a".repeat(501) },
    ],
    ["a service to launch", "session.launch", { user: "ana" }],
    ["no field that nobody knows", "session.launch", { user: "ana", service: "jupyter", partition: "gpu" }],
    ["a type that is known", "session.pause", { user: "ana" }],
  ])("needs %s", (_what, type, data) => {
    expect(call(type, data)).toBe(false);
  });

  it("may be of a platform that adds to the envelope", () => {
    const message = {
      type: "session.status",
      timestamp: "2026-11-23T16:04:05+01:00",
      id: "msg_1",
      data: { user: "ana" },
    };
    expect(PlatformCall.parse(message)).toMatchObject({ type: "session.status", data: { user: "ana" } });
  });
});

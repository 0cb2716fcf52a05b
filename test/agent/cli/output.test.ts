import { describe, expect, it } from "vitest";
import { placeText, plain, plainLines, stateText, timeLeft } from "../../../agent/cli/output.ts";
import type { Session } from "../../../contract/session.ts";

const SESSION: Session = {
  id: "s4k2m9x0v7qrt",
  name: "one",
  service: "webshell",
  placement: "compute",
  resource: "hpc",
  state: "queued",
  status: "Queued",
  error: "",
  reachable: true,
  canceling: false,
  canceledBy: null,
  url: null,
  port: null,
  slug: "",
  jobId: "17",
  node: null,
  createdAt: "2026-01-01T00:00:00.000Z",
  submittedAt: null,
  jobStartedAt: null,
  startedAt: null,
  endedAt: null,
  endsAt: null,
  scheduler: null,
  trouble: null,
  queue: { position: null, reason: null, estimatedStart: null },
};

describe("a session on the command line", () => {
  it("says where it runs, as far as that is known", () => {
    expect(placeText({ ...SESSION, placement: "workspace", resource: null })).toBe("workspace");
    expect(placeText(SESSION)).toBe("hpc (compute)");
    expect(placeText({ ...SESSION, node: "c1\u001B[2J" })).toBe("hpc (c1 [2J)");
  });

  it("says what it waits for, as far as the scheduler tells", () => {
    expect(stateText(SESSION)).toBe("queued");
    const queue = { position: 3, reason: "Resources", estimatedStart: "2026-01-01T01:00:00.000Z" };
    expect(stateText({ ...SESSION, queue })).toBe(
      "queued: Resources, place 3, may start at 2026-01-01T01:00:00.000Z",
    );
  });

  it("says what cannot be asked now", () => {
    const trouble = "cannot ask the scheduler since 12:00\nslurmctld is down";
    expect(stateText({ ...SESSION, trouble })).toBe(
      "queued; cannot ask the scheduler since 12:00 slurmctld is down",
    );
  });

  it("says how long it has left, while it lives", () => {
    const now = Date.parse("2026-01-01T00:00:00.000Z");
    const running: Session = { ...SESSION, state: "running", endsAt: "2026-01-01T01:30:59.000Z" };
    expect(timeLeft(running, now)).toBe("1 h 30 m");
    expect(timeLeft(running, now + 7_200_000)).toBeNull();
    expect(timeLeft({ ...running, state: "completed" }, now)).toBeNull();
    expect(timeLeft(SESSION, now)).toBeNull();
  });
});

describe("text of others on the command line", () => {
  it.each([
    ["steers no terminal", "a\u001B]0;title\u0007\u009B2J\rb", "a ]0;title 2J b"],
    ["turns no direction", "invoice\u202Efdp.\u2066exe\u061C", "invoice fdp. exe "],
    ["is one line", "a\nb\u2028c\u2029d", "a b c d"],
    ["is else what it is", "Ünïcode 日本 🧪", "Ünïcode 日本 🧪"],
  ])("%s", (_what, text, shown) => {
    expect(plain(text)).toBe(shown);
  });

  it("may have the lines that it has", () => {
    expect(plainLines("one\n\u001B[2Jtwo\n")).toBe("one\n [2Jtwo\n");
  });
});

import { describe, expect, it } from "vitest";
import { SESSION_STATES, type Session } from "../../contract/session.ts";
import { SessionList } from "../../functions/views/session-list.tsx";
import { all, one, render, tagsOf, textOf } from "./markup.ts";
import { before, entry, NOW, session } from "./samples.ts";

const list = (sessions: Session[], query = ""): Promise<string> =>
  render(SessionList({ sessions, services: [entry()], query, now: NOW }));

const only = (different: Partial<Session>): Promise<string> => list([session(different)]);

describe("a session in the list", () => {
  it.each(SESSION_STATES)("that is %s says so and leads to its page", async (state) => {
    const ended = ["completed", "failed", "canceled"].includes(state);
    const html = await only({ state, endedAt: ended ? before(60_000) : null });
    expect(all(html, "span").some((tag) => tag.attributes.get("data-look") === state)).toBe(true);
    expect(one(html, "class", "name").attributes.get("href")).toBe("/sessions/s4k2m9x0v7qrt");
  });

  it("that runs is opened in a tab of its own, which knows nothing of the console", async () => {
    const html = await only({});
    const open = one(html, "href", "/me/51458/tree").attributes;
    expect([open.get("target"), open.get("rel"), open.get("class")]).toEqual([
      "_blank",
      "noopener",
      "button primary",
    ]);
    expect(textOf(html)).toContain("tides Jupyter Notebook workspace for 59 m 58 s Open ↗ Cancel");
  });

  it("that starts has its status quoted, and its waiting page can be viewed", async () => {
    const html = await only({
      state: "starting",
      status: "Installing conda environment",
      createdAt: before(63_000),
    });
    expect(textOf(html)).toContain("“Installing conda environment” 1 m 03 s View ↗ Cancel");
  });

  it("that waits in a queue says its place, the reason and the hour", async () => {
    const queue = { position: 3, reason: "Resources", estimatedStart: "2026-11-23T14:20:00.000Z" };
    const html = await only({ state: "queued", queue, url: null });
    expect(textOf(html)).toContain("place 3 Resources starts ~ 14:20 UTC");
    expect(all(html, "a")).toHaveLength(1);
  });

  it("on a cluster says where it runs, as what, and how long it has left", async () => {
    const html = await only({
      placement: "compute",
      resource: "hopper",
      scheduler: { partition: "gpu", gpus: 2, walltime: 14_400 },
      node: "c12",
      jobId: "48213",
      endsAt: before(-7_800_000),
    });
    expect(textOf(html)).toContain("hopper gpu node c12 2 GPUs job 48213 for 59 m 58 s 2 h 10 m left");
    const bar = all(html, "progress")[0]?.attributes;
    expect([bar?.get("max"), bar?.get("value"), bar?.has("data-soon")]).toEqual([
      "14400000",
      "7800000",
      false,
    ]);
  });

  it("whose time is nearly up has a bar that says so", async () => {
    const bar = all(await only({ endsAt: before(-540_000) }), "progress")[0]?.attributes;
    expect(bar?.has("data-soon")).toBe(true);
    const text = textOf(await only({ endsAt: before(1000) }));
    expect(text).toContain("time is up");
  });

  it("shows what keeps Berth from knowing more", async () => {
    const trouble = "Cannot ask the scheduler since 14:02: timed out";
    expect(textOf(await only({ trouble }))).toContain(trouble);
  });

  it("that failed quotes the first line of its error and asks why", async () => {
    const html = await only({
      state: "failed",
      error: "rserver not found\nline two",
      endedAt: before(720_000),
      url: null,
    });
    expect(textOf(html)).toContain("“rserver not found” 12 min ago Why? Launch again");
    expect(html).not.toContain("line two");
    expect(
      one(html, "href", "/launch/jupyter-notebook?again=s4k2m9x0v7qrt").attributes.get("aria-label"),
    ).toBe("Launch again: tides");
  });

  it("has an error of any length cut to one line", async () => {
    const html = await only({ state: "failed", error: "x".repeat(5000), endedAt: before(0) });
    expect(textOf(html)).toContain(`“${"x".repeat(120)}…”`);
  });

  it("on a workspace that is away says what was last known, and that a cancel will happen", async () => {
    const html = await only({ reachable: false });
    expect(textOf(html)).toContain("not reachable");
    expect(textOf(html)).toContain("last known: running");
    expect(textOf(html)).toContain("The workspace is not connected: it happens as soon as it is.");
  });

  it("that is being canceled cannot be canceled again", async () => {
    expect(tagsOf(await only({ canceling: true })).some((tag) => tag.name === "form")).toBe(false);
  });

  it("asks before it is canceled, and says what is lost", async () => {
    const html = await only({});
    const ask = one(html, "id", "cancel-s4k2m9x0v7qrt");
    expect(ask.attributes.get("popover")).toBe("auto");
    expect(all(html, "form")[0]?.attributes.get("action")).toBe("/sessions/s4k2m9x0v7qrt/cancel");
    expect(textOf(html.slice(ask.at))).toContain("what is not saved in it is lost");
  });
});

describe("the list of sessions", () => {
  const at = (id: string, different: Partial<Session>): Session => session({ id, name: id, ...different });
  const sessions = [
    at("live", {}),
    at("news", { state: "failed", endedAt: before(60_000) }),
    at("old-failure", { state: "failed", endedAt: before(2 * 3_600_000) }),
    at("done", { state: "completed", endedAt: before(60_000) }),
  ];

  it("shows what lives and what failed just now; what is over is folded away", async () => {
    const html = await list(sessions);
    const earlier = one(html, "id", "earlier");
    expect(earlier.attributes.has("open")).toBe(false);
    expect(textOf(html.slice(earlier.at))).toMatch(/^Earlier 2 /);
    const isEarlier = (id: string): boolean => one(html, "id", `session-${id}`).at > earlier.at;
    expect(sessions.map(({ id }) => isEarlier(id))).toEqual([false, false, true, true]);
  });

  it("says that nothing runs when all is over", async () => {
    expect(textOf(await list(sessions.slice(2)))).toContain("Nothing is running.");
  });

  it("teaches what a session is while there are none", async () => {
    const text = textOf(await list([]));
    expect(text).toContain("No sessions yet");
    expect(text).toContain("A session is one run of an application");
  });

  it("finds sessions by all words of a search, also the state's", async () => {
    const html = await list(sessions, "FAILED news");
    expect(all(html, "li")).toHaveLength(1);
    expect(one(html, "id", "sessions").attributes.get("hx-get")).toBe("/fragments/sessions?q=FAILED%20news");
  });

  it("finds sessions by the cluster, the node and the job", async () => {
    const there = at("there", { resource: "hopper", node: "c12", jobId: "48213" });
    for (const query of ["hopper", "c12", "48213"])
      expect(all(await list([...sessions, there], query), "li")).toHaveLength(1);
  });

  it("says that a search found nothing and how to see all again", async () => {
    const html = await list(sessions, "nowhere");
    expect(textOf(html)).toBe("No session matches “nowhere”. Show all 4");
  });

  it("fetches itself anew when a session changes, without moving what stands there", async () => {
    const root = one(await list(sessions), "id", "sessions").attributes;
    expect(root.get("hx-get")).toBe("/fragments/sessions");
    expect(root.get("hx-trigger")).toContain("berth:session from:body");
    expect(root.get("hx-swap")).toBe("outerMorph");
  });
});

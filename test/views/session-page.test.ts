import { describe, expect, it } from "vitest";
import {
  badGatewayPage,
  endedPage,
  failedPage,
  loadingPage,
  noSessionPage,
  offlinePage,
} from "../../functions/views/session-page.tsx";
import { all, one, render, textOf } from "./markup.ts";
import { before, NOW, session } from "./samples.ts";

const CONSOLE = "http://localhost:8787";
const loading = (different: Parameters<typeof session>[0]): Promise<string> =>
  render(loadingPage(session({ startedAt: null, ...different }), { streamUrl: "/wait/51458", now: NOW }));

describe("the loading page", () => {
  it("shows the state and the status, and says what it waits for", async () => {
    const html = await loading({ state: "starting", status: "Installing conda environment" });
    expect(one(html, "id", "status").name).toBe("p");
    const text = textOf(html);
    expect(text).toContain("Installing conda environment");
    expect(text).toContain("It waits for the application to answer on port 51458.");
    expect(all(html, "main")[0]?.attributes.get("data-state")).toBe("starting");
  });

  it.each([
    [{ state: "submitted", port: null } as const, "It waits for the workspace to take it up."],
    [{ state: "starting", port: null } as const, "It waits for the application to start."],
    [
      { state: "submitted", placement: "compute", port: null } as const,
      "It waits for the cluster's scheduler to take it.",
    ],
    [
      {
        state: "starting",
        trouble: "The cluster cannot be reached since 14:02: timed out",
      } as const,
      "It waits for the application to answer on port 51458. The cluster cannot be reached since 14:02: timed out.",
    ],
    [
      {
        state: "queued",
        queue: { position: 1, reason: "the maintenance ends", estimatedStart: null },
      } as const,
      "It waits in the cluster's queue: place 1 · the maintenance ends.",
    ],
  ])("of %o waits for what that state waits for", async (different, expected) => {
    expect(textOf(await loading(different))).toContain(expected);
  });

  it("moves on by its event stream, and without scripts by coming anew", async () => {
    const html = await loading({ state: "starting" });
    expect(all(html, "main")[0]?.attributes.get("data-stream")).toBe("/wait/51458");
    expect(html).toMatch(/<noscript><meta http-equiv="refresh" content="2"\/><\/noscript>/);
    expect(all(html, "script")[0]?.attributes.get("src")).toMatch(/^\/assets\/[0-9a-f]{16}\/session\.js$/);
  });
});

describe("the page of a session that is over", () => {
  it("shows why it failed, word for word, with the way to the log and to another one", async () => {
    const error = "rserver not found.\n\n  exit status 127";
    const html = await render(
      failedPage(session({ state: "failed", error, endedAt: before(60_000) }), CONSOLE, NOW),
    );
    expect(html).toContain(`>${error}</pre>`);
    expect(textOf(html)).toContain("tides failed");
    expect(textOf(html)).toContain("1 min ago");
    expect(
      one(html, "href", `${CONSOLE}/launch/jupyter-notebook?again=s4k2m9x0v7qrt`).attributes.get("class"),
    ).toBe("button primary");
    expect(one(html, "href", `${CONSOLE}/sessions/s4k2m9x0v7qrt`).name).toBe("a");
  });

  it("says that nothing was said when it failed without a word", async () => {
    const html = await render(failedPage(session({ state: "failed", endedAt: before(0) }), CONSOLE, NOW));
    expect(textOf(html)).toContain("It ended without saying why.");
  });

  it.each(["completed", "canceled"] as const)(
    "that was %s says how long it ran and offers another",
    async (state) => {
      const ended = session({ state, startedAt: before(7_200_000), endedAt: before(3_600_000) });
      const html = await render(endedPage(ended, CONSOLE, NOW));
      expect(textOf(html)).toContain(`${state} 1 h ago tides has ended It ran for 1 h 00 m.`);
      expect(one(html, "href", `${CONSOLE}/launch/jupyter-notebook?again=s4k2m9x0v7qrt`).name).toBe("a");
      expect(html).not.toContain("http-equiv");
    },
  );
});

describe("a page that waits for somebody else", () => {
  it("says that the workspace is away, what to do there, and tries again", async () => {
    const html = await render(offlinePage(session({ reachable: false })));
    expect(textOf(html)).toContain("last it was running");
    expect(one(html, "data-copy", "berth up").name).toBe("button");
    expect(all(html, "main")[0]?.attributes.get("data-retry")).toBe("3");
    expect(html).toMatch(/<noscript><meta http-equiv="refresh" content="3"\/><\/noscript>/);
  });

  it("says what keeps a cluster's application from answering", async () => {
    const trouble = "The cluster cannot be reached since 14:02: timed out";
    const html = await render(badGatewayPage(session({ trouble }), "refused", CONSOLE));
    expect(textOf(html)).toContain(trouble);
  });

  it("says that the application did not answer and what happened instead, and tries again", async () => {
    const html = await render(badGatewayPage(session(), "connection refused", CONSOLE));
    expect(textOf(html)).toContain("its application on port 51458 gave no answer");
    expect(textOf(html)).toContain("connection refused");
    expect(all(html, "main")[0]?.attributes.get("data-retry")).toBe("3");
  });
});

describe("a page without a session", () => {
  it("says that no live session is there", async () => {
    expect(textOf(await render(noSessionPage(CONSOLE)))).toContain(
      "No live session of yours has this address.",
    );
  });
});

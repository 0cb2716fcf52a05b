import { describe, expect, it } from "vitest";
import { SESSION_STATES } from "../../contract/session.ts";
import { type Look, lookOf, State } from "../../functions/views/state.tsx";
import { all, render, textOf } from "./markup.ts";
import { session } from "./samples.ts";

const LOOKS: Look[] = [...SESSION_STATES, "canceling", "not reachable", "reachable", "not asked yet"];

describe("a state", () => {
  it.each(LOOKS)("%s is an icon, a word and a colour", async (look) => {
    const html = await render(State({ look }));
    expect(textOf(html)).toBe(look);
    expect(all(html, "svg")[0]?.attributes.get("aria-hidden")).toBe("true");
    expect(all(html, "path").length).toBeGreaterThan(0);
    expect(all(html, "span")[0]?.attributes.get("data-look")).toBe(look);
  });

  it.each(SESSION_STATES)("%s is shown as it is while the workspace is connected", (state) => {
    expect(lookOf(session({ state }))).toBe(state);
  });

  it("of a live session is not known while the workspace is away", () => {
    expect(lookOf(session({ state: "starting", reachable: false }))).toBe("not reachable");
    expect(lookOf(session({ canceling: true, reachable: false }))).toBe("not reachable");
  });

  it("of an ended session is known also while the workspace is away", () => {
    expect(lookOf(session({ state: "failed", reachable: false, canceling: true }))).toBe("failed");
  });

  it("says that a live session is being canceled", () => {
    expect(lookOf(session({ canceling: true }))).toBe("canceling");
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { StreamId } from "../../../contract/ids.ts";
import { Answer } from "../../../functions/relay/answer.ts";
import { Departures } from "../../../functions/relay/departures.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout"] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** An answer that is watched, what fires when its browser leaves, and what became of it. */
function watched(departures: Departures): {
  answer: Answer;
  leave: () => void;
  onAbandoned: () => void;
  signal: () => AbortSignal;
} {
  const browser = new AbortController();
  const onAbandoned = vi.fn<() => void>();
  const answer = new Answer(
    { method: "GET", isUpgrade: false, body: null },
    {
      mapHeaders: (headers) => headers,
      onTaken: () => undefined,
      onAbandoned,
      onOver: () => departures.forget(answer),
    },
  );
  const signal = vi.fn<() => AbortSignal>(() => browser.signal);
  departures.watch(answer, signal);
  return { answer, leave: () => browser.abort(), onAbandoned, signal };
}

describe("that a browser has left", () => {
  it("is noticed at the first look when the browser has left before", () => {
    const { leave, onAbandoned } = watched(new Departures());
    leave();
    expect(onAbandoned).not.toHaveBeenCalled();
    vi.runAllTimers();
    expect(onAbandoned).toHaveBeenCalledOnce();
  });

  it("is noticed at once when the browser leaves later", () => {
    const { leave, onAbandoned } = watched(new Departures());
    vi.runAllTimers();
    expect(onAbandoned).not.toHaveBeenCalled();
    leave();
    expect(onAbandoned).toHaveBeenCalledOnce();
  });

  it("is noticed of every browser, also of one that came after a look", () => {
    const departures = new Departures();
    const first = [watched(departures), watched(departures)];
    vi.runAllTimers();
    const all = [...first, watched(departures)];
    vi.runAllTimers();
    for (const { leave } of all) leave();
    for (const { onAbandoned } of all) expect(onAbandoned).toHaveBeenCalledOnce();
  });

  it("is nothing to an answer that is over: its request's signal is not even asked for", () => {
    const { answer, leave, onAbandoned, signal } = watched(new Departures());
    const work = answer.begin(
      {
        type: "response",
        id: StreamId.parse("0123456789abcdefghjkmnpqrs"),
        status: 200,
        headers: [],
        length: 0,
        end: true,
      },
      new Uint8Array(0),
    );
    expect(work).toBeUndefined();
    leave();
    vi.runAllTimers();
    expect(signal).not.toHaveBeenCalled();
    expect(onAbandoned).not.toHaveBeenCalled();
  });
});

import { expect, it } from "vitest";
import { ChannelSlots } from "../../../agent/ssh/channel-slots.ts";

const never = new AbortController().signal;

/** Asks for so many; those that are granted stand in the list, by number. */
function ask(slots: ChannelSlots, kind: "short" | "long", count: number, granted: Disposable[]): void {
  for (let number = 0; number < count; number += 1)
    void slots.take(kind, never).then((slot) => granted.push(slot));
}

const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

it("grants eight, and the next when one is free again, once", async () => {
  const slots = new ChannelSlots();
  const granted: Disposable[] = [];
  ask(slots, "short", 10, granted);
  await settled();
  expect(granted).toHaveLength(8);
  granted[0]?.[Symbol.dispose]();
  granted[0]?.[Symbol.dispose]();
  await settled();
  expect([granted.length, slots.used]).toEqual([9, 8]);
});

it("lets short ones pass the long ones that wait", async () => {
  const slots = new ChannelSlots();
  const [long, short]: [Disposable[], Disposable[]] = [[], []];
  ask(slots, "long", 9, long);
  ask(slots, "short", 3, short);
  await settled();
  expect([long.length, short.length]).toEqual([6, 2]);
  short[0]?.[Symbol.dispose]();
  long[0]?.[Symbol.dispose]();
  await settled();
  expect([long.length, short.length]).toEqual([7, 3]);
});

it("forgets who no longer waits", async () => {
  const slots = new ChannelSlots();
  const granted: Disposable[] = [];
  ask(slots, "short", 8, granted);
  const caller = new AbortController();
  const waiting = slots.take("short", caller.signal);
  caller.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  await settled();
  granted[0]?.[Symbol.dispose]();
  expect(slots.used).toBe(7);
});

it("grants as many as the server allows, at least one", async () => {
  const slots = new ChannelSlots();
  slots.limit(0);
  const [long, short]: [Disposable[], Disposable[]] = [[], []];
  ask(slots, "long", 2, long);
  await settled();
  expect(long).toHaveLength(1);
  long[0]?.[Symbol.dispose]();
  slots.limit(5);
  ask(slots, "short", 1, short);
  await settled();
  expect([long.length, short.length, slots.used]).toEqual([2, 0, 1]);
});

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  nextWarning,
  WalltimeClock,
  warningText,
} from "../../../agent/sessions/cluster/walltime-warnings.ts";

const MINUTE = 60_000;
/** A job's life: when it begins and how long it may run, in minutes. */
const job = (minutes: number, warned: number[] = []) => ({ startedAt: 0, endsAt: minutes * MINUTE, warned });

describe("the next warning", () => {
  it("comes 10 minutes before the end, and then 2", () => {
    expect(nextWarning(job(60))).toEqual({ at: 50 * MINUTE, minutes: 10 });
    expect(nextWarning(job(60, [10]))).toEqual({ at: 58 * MINUTE, minutes: 2 });
    expect(nextWarning(job(60, [10, 2]))).toBeUndefined();
  });

  it("is none whose time had come before the job began", () => {
    expect(nextWarning(job(10))).toEqual({ at: 8 * MINUTE, minutes: 2 });
    expect(nextWarning(job(5))).toEqual({ at: 3 * MINUTE, minutes: 2 });
    expect(nextWarning(job(2))).toBeUndefined();
    expect(nextWarning(job(1))).toBeUndefined();
  });

  it("is not the one of 10 minutes once that of 2 has been given", () => {
    expect(nextWarning(job(60, [2]))).toBeUndefined();
  });

  it("follows an end that the scheduler puts off", () => {
    expect(nextWarning({ ...job(60, [10]), endsAt: 120 * MINUTE })).toEqual({ at: 118 * MINUTE, minutes: 2 });
  });
});

describe("what the user is told", () => {
  it.each([
    [10, "Tides ends in 10 minutes: its walltime is over then. Save your work"],
    [2, "Tides ends in 2 minutes: its walltime is over then. Save your work"],
    // Late, after a time without an agent.
    [1.2, "Tides ends in 1 minute: its walltime is over then. Save your work"],
    [0.1, "Tides ends in 1 minute: its walltime is over then. Save your work"],
  ])("%d minutes before the end", (left, text) => {
    expect(warningText("Tides", 60 * MINUTE, (60 - left) * MINUTE)).toBe(text);
  });
});

describe("a clock of the walltime", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const start = (): { clock: WalltimeClock; given: number[] } => {
    const given: number[] = [];
    const clock = new WalltimeClock({
      name: "Tides",
      clock: Date.now,
      onWarning: (_text, minutes) => given.push(minutes),
    });
    return { clock, given };
  };

  it("warns when the time has come, also after weeks", () => {
    const { clock, given } = start();
    const weeks = 40 * 24 * 60 * MINUTE;
    clock.set({ startedAt: Date.now(), endsAt: Date.now() + weeks, warned: [] });
    vi.advanceTimersByTime(weeks - 11 * MINUTE);
    expect(given).toEqual([]);
    vi.advanceTimersByTime(MINUTE);
    expect(given).toEqual([10]);
  });

  it("waits for nothing once its session is over, whatever is learned of that still", () => {
    const { clock, given } = start();
    const options = { startedAt: Date.now(), endsAt: Date.now() + 60 * MINUTE, warned: [] };
    clock.set(options);
    clock[Symbol.dispose]();
    clock.set(options);
    expect(vi.getTimerCount()).toBe(0);
    expect(given).toEqual([]);
  });
});

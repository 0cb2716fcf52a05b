import { expect, it } from "vitest";
import { BackOff } from "../../../agent/ssh/back-off.ts";

it("waits up to twice as long after each failure in a row, half a minute at most", () => {
  const backOff = new BackOff(() => 1);
  const pauses = Array.from({ length: 8 }, (_, at) => {
    backOff.failed("unreachable", at);
    return backOff.pause(at);
  });
  expect(pauses).toEqual([1, 2, 4, 8, 16, 30, 30, 30].map((seconds) => seconds * 1000));
});

it("draws each pause from its whole", () => {
  const backOff = new BackOff(() => 0.25);
  backOff.failed("closed", 0);
  expect([backOff.pause(0), backOff.pause(200), backOff.pause(1_000)]).toEqual([250, 50, 0]);
});

it("begins anew after a connection that lived for more than a minute", () => {
  const backOff = new BackOff(() => 1);
  backOff.failed("unreachable", 0);
  backOff.failed("closed", 60_000, 1_000);
  expect(backOff.pause(60_000)).toBe(2_000);
  backOff.failed("closed", 200_000, 100_000);
  expect(backOff.pause(200_000)).toBe(1_000);
});

it("leaves a host alone that refuses the login, until somebody asks", () => {
  const backOff = new BackOff(() => 0);
  backOff.failed("permission_denied", 0);
  expect(backOff.pause(0)).toBe(300_000);
  backOff.skip();
  expect(backOff.pause(0)).toBe(0);
});

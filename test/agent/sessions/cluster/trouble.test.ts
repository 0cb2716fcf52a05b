import { expect, it } from "vitest";
import { Trouble } from "../../../../agent/sessions/cluster/trouble.ts";

it("trouble is told with the time at which it began, once for each of its texts", () => {
  let now = Date.UTC(2026, 0, 2, 3, 4);
  const trouble = new Trouble(() => now);
  expect(trouble.text).toBeUndefined();
  expect(trouble.clear()).toBe(false);
  expect(trouble.set("Cannot ask the scheduler", "it hangs")).toBe(true);
  expect(trouble.text).toBe("Cannot ask the scheduler since 03:04 UTC: it hangs");
  now += 600_000;
  expect(trouble.set("Cannot ask the scheduler", "it hangs")).toBe(false);
  expect(trouble.set("Cannot ask the scheduler", "it is down")).toBe(true);
  expect(trouble.text).toBe("Cannot ask the scheduler since 03:04 UTC: it is down");
});

it("trouble that comes again begins anew", () => {
  let now = Date.UTC(2026, 0, 2, 3, 4);
  const trouble = new Trouble(() => now);
  trouble.set("It", "fails");
  expect(trouble.clear()).toBe(true);
  expect(trouble.text).toBeUndefined();
  now += 60_000;
  trouble.set("It", "fails");
  expect(trouble.text).toBe("It since 03:05 UTC: fails");
});

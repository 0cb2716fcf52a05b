import { describe, expect, it } from "vitest";
import { readConfig } from "../../agent/config.ts";

describe("the limit of a session's log", () => {
  it("is a number of MiB, or is not said", () => {
    expect(readConfig({ BERTH_LOG_LIMIT: "8" }).logLimit).toBe(8_388_608);
    for (const environment of [{}, { BERTH_LOG_LIMIT: "" }])
      expect(readConfig(environment).logLimit).toBeUndefined();
  });

  it.each(["0", "-1", "1.5", "64M", "9999999"])("is not %j", (text) => {
    expect(() => readConfig({ BERTH_LOG_LIMIT: text })).toThrow(
      `Cannot use BERTH_LOG_LIMIT "${text}": it is no number of MiB`,
    );
  });
});

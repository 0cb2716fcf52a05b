import { describe, expect, it } from "vitest";
import type { Exit } from "../../../agent/sessions/exit.ts";
import { outcomeOf, withLog } from "../../../agent/sessions/exit.ts";

const code = (value: number): Exit => ({ how: "code", code: value });

describe("what a process's end makes of its session", () => {
  it.each<[string, Exit, boolean, string]>([
    ["0 before it was ready", code(0), false, "The service exited with code 0 before it was ready"],
    ["another code", code(1), true, "The service exited with code 1"],
    ["a code above 128", code(139), false, "The service exited with code 139 (SIGSEGV) before it was ready"],
    ["a code above 128 that is no signal's", code(255), true, "The service exited with code 255"],
    [
      "a signal",
      { how: "signal", signal: "SIGKILL" },
      false,
      "The service was ended by SIGKILL before it was ready",
    ],
    [
      "nobody's word",
      { how: "unknown" },
      true,
      "The service ended without an exit code: it was killed, or the host restarted",
    ],
    [
      "126",
      code(126),
      false,
      "A program could not be executed: the service exited with code 126 before it was ready",
    ],
  ])("%s: failed", (_, exit, ready, error) => {
    expect(outcomeOf(exit, [], ready)).toEqual({ state: "failed", status: "Failed", error });
  });

  it("0 after it was ready: completed", () => {
    expect(outcomeOf(code(0), ["bye"], true)).toEqual({ state: "completed", status: "Completed", error: "" });
  });

  it.each([
    ["bash: line 3: jupyter: command not found", "jupyter"],
    ["/bin/sh: 1: code-server: not found", "code-server"],
    ["zsh:1: command not found: rserver", "rserver"],
    ["env: ‘python4’: No such file or directory", "python4"],
    ["bash: /opt/x/bin/start: No such file or directory", "/opt/x/bin/start"],
  ])("127 names the program: %s", (line, program) => {
    const { error } = outcomeOf(code(127), ["before", line, "after"], false);
    expect(error).toBe(
      `The program "${program}" was not found on this host. Install it, or put it on PATH; ` +
        `the service exited with code 127 before it was ready\n\nbefore\n${line}\nafter`,
    );
  });

  it("127 without a clue says what it can", () => {
    expect(outcomeOf(code(127), ["hm"], false).error).toMatch(/^A program was not found on this host\./);
  });
});

describe("an error message", () => {
  it("is followed by the log's last lines", () => {
    expect(withLog("It failed", ["one", "two"])).toBe("It failed\n\none\ntwo");
    expect(withLog("It failed", [])).toBe("It failed");
  });

  it.each(["OSError: [Errno 98] Address already in use", "Error: listen EADDRINUSE: address already in use"])(
    "explains a port in use: %s",
    (line) => {
      expect(withLog("It failed", [line])).toMatch(/^It failed\nIts port was held .*SO_REUSEADDR.*\n\n/);
    },
  );
});

import { execFileSync } from "node:child_process";
import { array, assert, constantFrom, nat, oneof, property, string } from "fast-check";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { loginShellLine, MarkerCut } from "../../../agent/ssh/login-shell.ts";
import { needs } from "../../support/requires.ts";
import { connectionTo, startSshd } from "../../support/sshd.ts";

// Real programs, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

const HOSTILE = [
  "",
  "'",
  '"',
  "\\",
  "\\'",
  "\\n",
  "\n",
  "!",
  "!!",
  "!x",
  "^a^b",
  "%s",
  "$HOME",
  "$(touch x)",
].concat([
  "`touch x`",
  "'; touch x; '",
  "-n",
  "--",
  "~",
  "*",
  "a=b",
  "{a,b}",
  "# x",
  "é🚢\u2028",
  "\u0001\u007f",
]);

const text = array(
  oneof(
    constantFrom(...HOSTILE),
    nat({ max: 0x2_ffff }).map((code) => String.fromCodePoint(code || 10).toWellFormed()),
    string({ unit: "grapheme-ascii" }).map((each) => each.replaceAll("\0", "")),
  ),
  { maxLength: 12 },
).map((parts) => parts.join(""));

describe.each(["sh", "bash", "dash", "tcsh"])("a command's line, read by %s,", (shell) => {
  beforeEach(needs(shell, `apt-get install ${shell}`));

  /** The arguments that the command is given. */
  function readBack(texts: readonly string[]): string[] {
    const line = loginShellLine(["/usr/bin/env", "printf", "%s\\0", ...texts], "marker", "/dev/null");
    const output = execFileSync(shell, ["-c", line], {
      stdio: ["ignore", "pipe", "ignore"],
      maxBuffer: 16_777_216,
    });
    const cut = new MarkerCut("marker");
    return cut.push(output).toString().split("\0").slice(0, -1);
  }

  it("gives it these very arguments, whatever they hold", () => {
    expect(readBack(HOSTILE)).toEqual(HOSTILE);
    assert(
      property(array(text, { minLength: 1, maxLength: 30 }), (texts) => {
        expect(readBack(texts)).toEqual(texts);
      }),
      { numRuns: 40 },
    );
  });

  it("may have 100 kB", () => {
    const long = ["x".repeat(60_000), "a b".repeat(13_000)];
    expect(readBack(long)).toEqual(long);
  });
});

describe("a command's line", () => {
  it("that no shell could be given is refused", () => {
    const tooLong = expect.objectContaining({ name: "BerthError", code: "invalid_input" });
    expect(() => loginShellLine(["cat", "'".repeat(40_000)], "marker", "channel")).toThrow(tooLong);
    expect(() => loginShellLine(["cat", "a\0b"], "marker", "channel")).toThrow(tooLong);
  });
});

describe("what comes before the marker", () => {
  it.each([1, 2, 5, 100])("is cut off, in pieces of %i bytes", (size) => {
    const all = Buffer.from("hello\nmarkmarker\nthe marker\nand on");
    const cut = new MarkerCut("marker");
    let passed = "";
    for (let at = 0; at < all.length; at += size) passed += cut.push(all.subarray(at, at + size)).toString();
    expect([passed, cut.isThrough, cut.before]).toEqual(["the marker\nand on", true, ""]);
  });

  it("is kept to be shown as long as no marker comes, but not all of it", () => {
    const cut = new MarkerCut("marker");
    for (let at = 0; at < 1000; at += 1) expect(cut.push(Buffer.from("0123456789"))).toHaveLength(0);
    expect(cut.isThrough).toBe(false);
    expect(cut.before).toHaveLength(4096);
  });
});

describe("a login shell", () => {
  beforeEach(needs("sshd", "apt-get install openssh-server openssh-client"));
  const command = ["printf", "%s|", "it's", "!x", "a\nb", "$HOME"] as const;
  const printed = "it's|!x|a\nb|$HOME|";

  it.each([
    [".bashrc", "echo Welcome; echo Careful >&2", []],
    [".bashrc", "printf 'no end of line'", []],
    [".tcshrc", "echo Welcome", ['ForceCommand exec tcsh -c "$SSH_ORIGINAL_COMMAND"']],
  ])("whose %s says `%s` disturbs no command", async (file, rc, config) => {
    const ssh = await connectionTo(await startSshd({ home: { [file]: rc }, config }));
    const result = await ssh.run(command);
    expect([result.stdout.toString(), result.stderr]).toEqual([printed, ""]);
    expect(await ssh.run(["bash", "-c", "echo once"])).toMatchObject({
      stdout: Buffer.from("once\n"),
      stderr: "",
    });
    const open = await ssh.open(["sh", "-c", "cat; exit 5"]);
    open.end("through");
    let heard = "";
    for await (const chunk of open) heard += String(chunk);
    expect([heard, open.exitCode]).toEqual(["through", 5]);
  });

  it.each([
    [{ home: { ".bashrc": "echo bye; exit 0" } }, "It wrote: bye"],
    [{ home: { ".bashrc": "exec true" } }, "It wrote nothing."],
    [
      { config: ["ForceCommand echo This account is not available; exit 1"] },
      "It wrote: This account is not",
    ],
  ])("that never comes to the command is named: %j", async (options, words) => {
    const ssh = await connectionTo(await startSshd(options));
    const refused = expect.objectContaining({
      name: "CannotAsk",
      trouble: "startup_file",
      message: expect.stringContaining(words),
    });
    await expect(ssh.run(["true"])).rejects.toEqual(refused);
    await expect(ssh.open(["cat"])).rejects.toEqual(refused);
  });

  it("that hangs in its startup file is named, when the time is over", async () => {
    const ssh = await connectionTo(await startSshd({ home: { ".bashrc": "echo Password:; sleep 60" } }));
    await ssh.connect();
    await expect(ssh.run(["true"], { timeoutMs: 5_000 })).rejects.toMatchObject({ trouble: "startup_file" });
  });
});

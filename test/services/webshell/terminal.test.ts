import { describe, expect, it, onTestFinished } from "vitest";
import type { ServerMessage } from "../../../services/webshell/messages.ts";
import { Terminal, type TerminalOptions, type Viewer } from "../../../services/webshell/terminal.ts";
import { eventually } from "../../support/eventually.ts";

function start(script: string, times: Pick<TerminalOptions, "stallMs" | "redrawMs"> = {}): Terminal {
  const terminal = new Terminal({
    program: "/bin/sh",
    args: ["-c", script],
    folder: "/",
    env: { PATH: process.env["PATH"] },
    ...times,
  });
  onTestFinished(async () => {
    terminal.hangUp("SIGKILL");
    await terminal.ended;
  });
  return terminal;
}

/** A page that shows nothing and says nothing: its browser sleeps, with the connection still open. */
class Sleeper implements Viewer {
  received = 0;
  readonly messages: ServerMessage[] = [];
  send(output: Buffer): void {
    this.received += output.length;
  }
  tell(message: ServerMessage): void {
    this.messages.push(message);
  }
}

describe("a terminal", () => {
  it("waits for the leading page only as long as that shows signs of life", async () => {
    const terminal = start("yes", { stallMs: 100 });
    let output = 0;
    terminal.onOutput = () => output++;
    const page = new Sleeper();
    terminal.attach(page);
    terminal.resize(page, 80, 24);
    await eventually(() => page.received >= 131_072, { what: "a full window" });
    const before = output;
    expect(await eventually(() => output > before + 100, { what: "more output" })).toBe(true);
    expect(page.received).toBeLessThan(262_144);
  });

  it("has a program draw its screen again for a page that comes too late to see it drawn", async () => {
    // Writes past what is kept, then tells of every size that it is given.
    const script = `trap 'stty size' WINCH; printf '\\033[?1049h'; head -c 1000000 /dev/zero | tr '\\0' '.'
      printf done; while :; do sleep 0.05; done`;
    // Long enough for the first size to be told of before the second is there.
    const terminal = start(script, { redrawMs: 3000 });
    await eventually(() => terminal.tail.endsWith("done"), { what: "the drawing" });
    const page = new Sleeper();
    terminal.attach(page);
    terminal.hide(page);
    expect(page.messages[0]).toMatchObject({ type: "attach", isFresh: true, preamble: "\x1b[?1049h" });
    expect(await eventually(() => /23 80\s+24 80\s+$/.test(terminal.tail), { what: "both sizes" })).toBe(
      true,
    );
  });

  it("tells the exit code, and the signal as a shell does", async () => {
    expect(await start("exit 7").ended).toBe(7);
    expect(await start("kill -KILL $$").ended).toBe(137);
  });

  it("sends all that was written before the end", async () => {
    const terminal = start("seq 1 5000");
    const page = new Sleeper();
    terminal.attach(page);
    await terminal.ended;
    expect(terminal.tail.endsWith("5000\r\n")).toBe(true);
    expect(page.received).toBe(terminal.tail.length);
  });
});

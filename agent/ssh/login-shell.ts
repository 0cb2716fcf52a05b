import { quote } from "../script/quote.ts";
import { BerthError } from "../../contract/problem.ts";

/** Linux passes no single argument of 128 KiB (execve(2)), and sshd hands the whole line to the shell as one. */
const LONGEST_LINE = 131_000;

/**
 * A command as a line for a login shell, whichever it is. What sshd runs is `$SHELL -c LINE`, and csh, fish and the POSIX
 * shells agree on little: a word in single quotes without `'`, `!`, a backslash before one of its like, or a newline. So
 * the line is such words alone, and hands the rest to sh in the octal escapes of printf's %b. First the marker is written,
 * a line of its own on both standard output and error: what comes before it is of the shell's startup files.
 * The startup files are read once: a bash that is itself the command would read ~/.bashrc again, because it takes itself
 * for sshd's first shell by SSH_CLIENT and a SHLVL that says so.
 * @param input the command's standard input
 * @throws BerthError `invalid_input` for an argument with a NUL, or 128 KiB of them
 */
export function loginShellLine(
  argv: readonly [string, ...string[]],
  marker: string,
  input: "channel" | "/dev/null",
): string {
  const redirection = input === "channel" ? "" : " </dev/null";
  const script = `export SHLVL=1; printf '%s\\n' ${marker}; printf '%s\\n' ${marker} >&2; exec ${argv.map(quote).join(" ")}${redirection}`;
  const line = `exec /bin/sh -c 'eval "$(printf %b "$1")"' sh '${escape(script)}'`;
  if (line.length > LONGEST_LINE)
    throw new BerthError(
      "invalid_input",
      `the arguments of "${argv[0]}" are too long for one command: ${line.length} bytes`,
    );
  return line;
}

function escape(script: string): string {
  return Array.from(Buffer.from(script), (byte) => {
    const character = String.fromCharCode(byte);
    return byte >= 0x20 && byte < 0x7f && !"'!\\".includes(character)
      ? character
      : `\\0${byte.toString(8).padStart(3, "0")}`;
  }).join("");
}

/** As much of what a startup file writes is kept to be shown. */
const KEPT = 4_096;

/** Cuts off what a shell's startup files wrote before the marker's line. */
export class MarkerCut {
  readonly #marker: Buffer;
  #before: Buffer | undefined = Buffer.alloc(0);

  constructor(marker: string) {
    this.#marker = Buffer.from(`${marker}\n`);
  }

  /** The marker has come. */
  get isThrough(): boolean {
    return this.#before === undefined;
  }

  /** The end of what has come before it, as long as it has not. */
  get before(): string {
    return this.#before?.toString().trim() ?? "";
  }

  /** What there is to pass on of this piece. */
  push(chunk: Buffer): Buffer {
    if (this.#before === undefined) return chunk;
    const all = Buffer.concat([this.#before, chunk]);
    const at = all.indexOf(this.#marker);
    if (at < 0) {
      this.#before = Buffer.from(all.subarray(-KEPT));
      return Buffer.alloc(0);
    }
    this.#before = undefined;
    return all.subarray(at + this.#marker.length);
  }
}

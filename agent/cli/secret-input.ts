import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { BerthError } from "../../contract/problem.ts";

/** Asks at the terminal for what nobody is to read there. */
async function ask(prompt: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const stop = new AbortController();
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true, historySize: 0 });
  terminal.once("SIGINT", () => stop.abort());
  terminal.once("close", () => stop.abort());
  process.stderr.write(prompt);
  try {
    return await terminal.question("", { signal: stop.signal });
  } catch {
    // Ctrl-C, or the terminal was closed.
    return "";
  } finally {
    process.stderr.write("\n");
    terminal.close();
  }
}

/**
 * A secret that must not stand in a command line, where everybody on the machine reads it: from a file, from standard input
 * where that is no terminal, else asked for without an echo.
 * @throws BerthError `invalid_request` for a file that cannot be read
 */
export async function readSecretInput(options: {
  prompt: string;
  file: string | undefined;
}): Promise<string> {
  const { prompt, file } = options;
  if (file !== undefined)
    return readFile(file, "utf8").then(
      (content) => content.trim(),
      (cause: unknown) => {
        throw new BerthError("invalid_request", `Cannot read the file "${file}"`, { cause });
      },
    );
  return (process.stdin.isTTY ? await ask(prompt) : await text(process.stdin)).trim();
}

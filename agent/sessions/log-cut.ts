import type { FileHandle } from "node:fs/promises";
import { readFile, rename, writeFile } from "node:fs/promises";
import { z } from "zod";

const count = z.int().nonnegative();

/**
 * Where the middle of a log was left out: what stands behind its first `head` bytes was written `shift` bytes further on.
 * `left` counts the bytes that are gone, `note` those of the line that says so.
 */
const LogCut = z.object({ head: count, shift: count, left: count, note: count });
export type LogCut = z.infer<typeof LogCut>;

const WHOLE: LogCut = { head: 0, shift: 0, left: 0, note: 0 };

/** So much of its limit are a log's beginning and its latest end, each, right after it was cut; the rest is room. */
const PART = 1 / 4;
/** Within so many bytes the end of a line is looked for: a log is cut between lines where it has any. */
const LINE_BYTES = 4096;
const NEWLINE = 0x0a;
/** So often the end is read again when more of it has come meanwhile. */
const TRIES = 4;

/** As it was noted; a whole log where nothing was. */
export async function readLogCut(path: string): Promise<LogCut> {
  try {
    return LogCut.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return WHOLE;
  }
}

export async function writeLogCut(path: string, cut: LogCut): Promise<void> {
  await writeFile(`${path}.next`, JSON.stringify(cut), { mode: 0o600 });
  await rename(`${path}.next`, path);
}

/**
 * Where in its file a log goes on at an offset, which counts all that was ever written.
 * @returns `from`: the first offset from there on that is left; `at`: where that stands; `length`: how much stands together
 */
export function placeOf({ head, shift }: LogCut, offset: number): Record<"from" | "at" | "length", number> {
  if (shift === 0) return { from: offset, at: offset, length: Infinity };
  if (offset < head) return { from: offset, at: offset, length: head - offset };
  const from = Math.max(offset, head + shift);
  return { from, at: from - shift, length: Infinity };
}

/**
 * Leaves out a log's middle while others go on appending to it. What they write within the moment in which it is done may be
 * lost with it.
 * @param file open to be read, and to be appended to
 * @param note writes down what is about to be true: an agent that dies right then finds a log that is still too large
 */
export async function cutMiddle(
  file: FileHandle,
  { before, limit, note }: { before: LogCut; limit: number; note: (cut: LogCut) => Promise<void> },
): Promise<void> {
  const part = Math.floor(limit * PART);
  const head = before.shift === 0 ? await endOfLines(file, part) : before.head;
  const { tail, size } = await endOf(file, part);
  const left = before.left + size - head - before.note - tail.length;
  const isWithinLine = (await bytesAt(file, head - 1, 1))[0] !== NEWLINE;
  const line = Buffer.from(`${isWithinLine ? "\n" : ""}berth: ${left} bytes of the log are left out here\n`);
  const text = Buffer.concat([line, tail]);
  const cut = { head, shift: size + before.shift - head - text.length, left, note: line.length };
  await note(cut);
  await file.truncate(head);
  // In one write: what a service appends meanwhile stands before it or behind it.
  const { bytesWritten } = await file.write(text).catch(() => ({ bytesWritten: 0 }));
  const lost = text.length - bytesWritten;
  // Others have filled the disk: the end is gone, too.
  if (lost > 0) await note({ ...cut, shift: cut.shift + lost, left: left + lost, note: 0 });
}

/** The last bytes, from the beginning of a line on, and how large the file is then. */
async function endOf(file: FileHandle, length: number): Promise<{ tail: Buffer; size: number }> {
  let { size } = await file.stat();
  for (let tries = 1; ; tries += 1) {
    const bytes = await bytesAt(file, size - length, length);
    const { size: now } = await file.stat();
    const isWhole = now === size;
    size = now;
    if (!isWhole && tries < TRIES) continue;
    const newline = bytes.subarray(0, LINE_BYTES).indexOf(NEWLINE);
    return { tail: bytes.subarray(newline + 1), size };
  }
}

/** Where the last line ends that is not longer than so many bytes from the beginning. */
async function endOfLines(file: FileHandle, length: number): Promise<number> {
  const from = Math.max(0, length - LINE_BYTES);
  const newline = (await bytesAt(file, from, length - from)).lastIndexOf(NEWLINE);
  return newline === -1 ? length : from + newline + 1;
}

async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(length), position });
  return buffer.subarray(0, bytesRead);
}

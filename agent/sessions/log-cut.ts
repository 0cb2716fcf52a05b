import { fstatSync, ftruncateSync } from "node:fs";
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
/** So often the end is read when more of it comes meanwhile. */
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
 * Leaves out a log's middle while others go on appending to it. What they write in the very moment of it may be lost.
 * @param file open to be read, and to be appended to
 * @param note writes down what is about to be true: an agent that dies right then finds a log that is still too large
 */
export async function cutMiddle(
  file: FileHandle,
  { before, limit, note }: { before: LogCut; limit: number; note: (cut: LogCut) => Promise<void> },
): Promise<void> {
  const part = Math.floor(limit * PART);
  const head = before.shift === 0 ? await endOfLines(file, part) : before.head;
  const newline = (await bytesAt(file, head - 1, 1))[0] === NEWLINE ? "" : "\n";
  const planOf = (size: number, tail: Buffer): { cut: LogCut; text: Buffer } => {
    const left = before.left + size - head - before.note - tail.length;
    const line = Buffer.from(`${newline}berth: ${left} bytes of the log are left out here\n`);
    const shift = size + before.shift - head - line.length - tail.length;
    return { cut: { head, shift, left, note: line.length }, text: Buffer.concat([line, tail]) };
  };
  for (let tries = 1; ; tries += 1) {
    const { size } = await file.stat();
    const tail = afterNewline(await bytesAt(file, size - part, part));
    // On a disk that is full it can be written only afterwards.
    const isNoted = await note(planOf(size, tail).cut).then(
      () => true,
      () => false,
    );
    // Nothing of ours comes between these two, and of a service's as little as can be.
    const { size: now } = fstatSync(file.fd);
    if (now !== size && tries < TRIES) continue;
    ftruncateSync(file.fd, head);
    const { cut, text } = planOf(now, tail);
    // In one write: what a service appends meanwhile stands before it or behind it.
    const { bytesWritten } = await file.write(text).catch(() => ({ bytesWritten: 0 }));
    const lost = text.length - bytesWritten;
    // Where others have filled the disk, the end is gone, too.
    if (lost > 0) await note({ ...cut, shift: cut.shift + lost, left: cut.left + lost, note: 0 });
    else if (now !== size || !isNoted) await note(cut);
    return;
  }
}

/** From the beginning of a line on, where one is near. */
const afterNewline = (bytes: Buffer): Buffer =>
  bytes.subarray(bytes.subarray(0, LINE_BYTES).indexOf(NEWLINE) + 1);

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

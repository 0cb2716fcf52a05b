import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";

/** How a missing file is told from a broken one. */
export const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ENOENT";

/**
 * Opens a file of a session's directory for reading. The service can put anything in its place: a FIFO would block
 * the reader and a device never end, so that only a regular file, or a link to one, is opened.
 * @throws Error as open(2) does, or when it is not a regular file
 */
export async function openRegularFile(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if ((await file.stat()).isFile()) return file;
    throw new Error("it is not a regular file");
  } catch (error) {
    await file.close();
    throw error;
  }
}

import { open, readFile, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { isMissing } from "./regular-file.ts";

/** The text of a file; undefined when there is none. */
export async function readPrivateFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * Writes a secret for its owner alone (0600). A reader, or we after a crash or a power cut, see the old text or the new one;
 * once it resolves, the new one.
 */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const next = `${path}.${process.pid}`;
  try {
    // What a crash has left there may have another mode.
    await unlink(next).catch(() => undefined);
    const file = await open(next, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(next, path);
  } catch (error) {
    await unlink(next).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
}

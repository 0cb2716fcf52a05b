import { isUtf8 } from "node:buffer";

/** Node spells header bytes as Latin-1, a character for each. */
const BEYOND_ASCII = /[^\0-\x7f]/;

/**
 * A header's value as text for the edge, whose runtime writes text as UTF-8: so UTF-8 from a service stays the very
 * bytes, and Latin-1 becomes UTF-8.
 * @param value as Node has it, a character for a byte
 */
export function fromWire(value: string): string {
  if (!BEYOND_ASCII.test(value)) return value;
  const bytes = Buffer.from(value, "latin1");
  return isUtf8(bytes) ? bytes.toString("utf8") : value;
}

/** Text of the edge, whose runtime reads header bytes as UTF-8, as Node writes those very bytes again. */
export const toWire = (value: string): string =>
  BEYOND_ASCII.test(value) ? Buffer.from(value, "utf8").toString("latin1") : value;

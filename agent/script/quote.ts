import { BerthError } from "../../contract/problem.ts";

/**
 * Quotes a text for a POSIX shell (XCU 2.2.2): single quotes, within which nothing but the single quote is special.
 * For sh, bash, dash, ksh and zsh; csh reads `!` and newlines otherwise, so that a login shell is handed `sh -c`.
 * @throws BerthError `invalid_input` for a NUL, which no argument and no shell variable can hold
 */
export function quote(text: string): string {
  if (text.includes("\0"))
    throw new BerthError("invalid_input", "a value for a script must not hold a NUL character");
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

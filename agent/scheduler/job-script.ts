import { BerthError } from "../../contract/problem.ts";
import { quote } from "../script/quote.ts";

/** What begins a directive's line, for every scheduler that a user may have written one for. */
const PREFIXES = ["#SBATCH", "#PBS", "#BSUB", "#COBALT", "#$"] as const;

const refuse = (field: string, message: string): BerthError =>
  new BerthError("invalid_input", `${field}: ${message}`, { field });

/** Whatever could end a line for a shell, a scheduler or the terminal of one who looks at the script. */
const LINE_BREAKING = /[\p{Cc}\u2028\u2029]/u;

function oneLine(field: string, text: string): string {
  if (LINE_BREAKING.test(text)) throw refuse(field, "must be one line without control characters");
  return text;
}

/**
 * A name that a scheduler knows: a partition or queue, an account, a quality of service; a list with commas too.
 * It holds nothing that a shell or a scheduler could take for more than the name, so that it needs no quotes.
 * @returns undefined for a blank one, which is how a form leaves it out
 * @throws BerthError `invalid_input` that names the field
 */
export function schedulerName(field: string, value: string | undefined): string | undefined {
  if (value === undefined || value.trim() === "") return undefined;
  const name = oneLine(field, value.trim());
  if (!/^[\p{L}\p{N}_][\p{L}\p{N}_.,@:+/=-]*$/u.test(name))
    throw refuse(field, `"${name}" is not a name: use letters, digits and . , _ @ : + / = - only`);
  return name;
}

/**
 * What a user typed as a directive, without the scheduler's prefix, which may be there or not.
 * @param prefix this scheduler's own: `#SBATCH`
 * @returns the options, `-` first, spaces around them cut
 * @throws BerthError `invalid_input` that names the field: several lines, another scheduler's prefix, no option
 */
export function directiveOptions(field: string, text: string, prefix: (typeof PREFIXES)[number]): string {
  const line = oneLine(field, text).trim();
  const typed = PREFIXES.find((one) => line.toUpperCase().startsWith(one));
  if (typed !== undefined && typed !== prefix)
    throw refuse(field, `"${typed}" is for another scheduler: write the option as ${prefix} takes it`);
  const options = typed === undefined ? line : line.slice(typed.length).trim();
  if (!/^-{1,2}[A-Za-z]/.test(options))
    throw refuse(field, `"${line}" is not an option: begin with "-", as after ${prefix}`);
  return options;
}

/** An option that Berth itself rules: why, and what to use instead. @throws always, BerthError `invalid_input` */
export function refuseOption(field: string, option: string, why: string): never {
  throw refuse(field, `"${option}" cannot be set here: ${why}`);
}

/**
 * A job's script: the directives, each a whole line, then the session's script in place of this one, so that a signal
 * to the job's shell is the session script's own.
 */
export const renderJobScript = (directives: readonly string[], script: string): string =>
  ["#!/bin/bash", ...directives, `exec bash ${quote(script)}`, ""].join("\n");

import { directiveOptions, refuseOption } from "../job-script.ts";

const LOG = "Berth finds the job's own log by it";
const ALONE = "a session is one job of its own";
const INTERACTIVE = "a session is a batch job";

/** The options of qsub, of every dialect, that would take a session out of Berth's hands, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  N: "Berth finds the job by its name",
  o: LOG,
  e: LOG,
  j: LOG,
  k: LOG,
  R: LOG,
  J: ALONE,
  t: ALONE,
  r: "a session that starts a second time would lose what it held",
  I: INTERACTIVE,
  X: INTERACTIVE,
  x: INTERACTIVE,
  G: INTERACTIVE,
  C: "Berth writes the directives",
  S: "the session's script is for bash",
  F: "the session's script takes no arguments",
  z: "Berth reads the job's id, which qsub then does not print",
};

/** Options without a value, in any dialect: another letter may follow in the same word. */
const FLAGS = new Set(["h", "V", "f", "n", "E"]);

/** Attributes of `-W` that make qsub itself do more than submit. */
const REFUSED_ATTRIBUTES: Readonly<Record<string, string>> = {
  block: "qsub would wait until the session has ended",
  interactive: INTERACTIVE,
  run_count: "PBS counts the starts itself",
};

/** Cuts a line into words as qsub does: quotes group. @returns undefined where a quote is not closed */
function words(line: string): string[] | undefined {
  const found = line.match(/(?:[^\s"']|"[^"]*"|'[^']*')+|["']/g) ?? [];
  if (found.some((word) => word === '"' || word === "'")) return undefined;
  return found.map((word) =>
    word.replaceAll(/"([^"]*)"|'([^']*)'/g, (_, double?: string, single?: string) => double ?? single ?? ""),
  );
}

function checkAttributes(field: string, value: string): void {
  for (const attribute of value.split(",")) {
    const name = attribute.split("=", 1)[0]?.trim().toLowerCase() ?? "";
    const why = REFUSED_ATTRIBUTES[name];
    if (why !== undefined) refuseOption(field, `-W ${name}`, why);
  }
}

/**
 * Reads one word of options as getopt(3) does.
 * @returns the value that it holds; `next` when that is the next word; undefined when it takes none
 */
function checkWord(field: string, word: string): { option: string; value: string | undefined } | undefined {
  const letters = word.slice(1);
  for (const [index, letter] of letters.split("").entries()) {
    const why = REFUSED[letter];
    if (why !== undefined) return refuseOption(field, `-${letter}`, why);
    if (!FLAGS.has(letter)) return { option: letter, value: letters.slice(index + 1) || undefined };
  }
  return undefined;
}

/**
 * A user's own directive as one `#PBS` line. Options that Berth rules are refused, alone or in one word with others.
 * @throws BerthError `invalid_input` that names the field
 */
export function freeDirective(field: string, text: string): string {
  const options = directiveOptions(field, text, "#PBS");
  const rest = words(options);
  if (rest === undefined) return refuseOption(field, options, "a quote is not closed");
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (!/^-[A-Za-z]/.test(word))
      refuseOption(field, word, "it is no option of qsub, which are one dash and a letter");
    const read = checkWord(field, word);
    const value = read === undefined ? undefined : (read.value ?? rest.shift());
    if (read?.option === "W") checkAttributes(field, value ?? "");
  }
  return `#PBS ${options}`;
}

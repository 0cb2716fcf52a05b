import { directiveOptions, refuseOption } from "../job-script.ts";

const STANDS_ALONE = "a session is one job of its own";
const FOR_BERTH = "Berth finds the job and its messages by it";

/**
 * The options of sbatch(1) that would take a session out of Berth's hands, by their long names (older ones too), and why.
 * Everything else is for the site and the user: what is not named here, a plugin's option too, goes through.
 */
const REFUSED: Readonly<Record<string, string>> = {
  array: STANDS_ALONE,
  wrap: "the session's script is what runs",
  "job-name": FOR_BERTH,
  comment: FOR_BERTH,
  output: FOR_BERTH,
  error: FOR_BERTH,
  "open-mode": FOR_BERTH,
  input: "a session reads nothing on its standard input",
  chdir: "a session runs in its own directory",
  workdir: "a session runs in its own directory",
  requeue: "a session that starts a second time would lose what it held",
  "no-requeue": "a session is never requeued",
  "export-file": "the session's script sets its own environment",
  parsable: "Berth reads what sbatch prints",
  quiet: "Berth reads what sbatch prints",
  verbose: "Berth reads what sbatch prints",
  wait: "Berth watches the job itself",
  "test-only": "nothing would be submitted",
  "ignore-pbs": "Berth sets it",
  help: "nothing would be submitted",
  usage: "nothing would be submitted",
  version: "nothing would be submitted",
};

const EXPORT_WHY =
  "without the user's own environment a service lacks HOME and PATH: use --export=ALL,NAME=value";

/** Short options and what they stand for. `-u` was `--usage`. */
const SHORT: Readonly<Record<string, keyof typeof REFUSED>> = {
  a: "array",
  D: "chdir",
  e: "error",
  h: "help",
  i: "input",
  J: "job-name",
  o: "output",
  Q: "quiet",
  u: "usage",
  v: "verbose",
  V: "version",
  W: "wait",
};

/** Short options without a value: another may follow within the same word. */
const SHORT_FLAGS = new Set("bHIORs");

/**
 * Cuts a line into words as sbatch does (`_get_argument` of its opt.c): quotes group, a backslash takes the next
 * character as it is (within either quote too), an unquoted `#` begins a comment.
 * @returns undefined where a quote is not closed
 */
function words(line: string): string[] | undefined {
  const found: string[] = [];
  let [word, quoted]: (string | undefined)[] = [undefined, undefined];
  for (let at = 0; at < line.length; at += 1) {
    const character = line.charAt(at);
    if (character === "\\") {
      at += 1;
      word = (word ?? "") + line.charAt(at);
    } else if (character === quoted) quoted = undefined;
    else if (quoted !== undefined) word += character;
    else if (character === '"' || character === "'") {
      quoted = character;
      word ??= "";
    } else if (/\s/.test(character)) {
      if (word !== undefined) found.push(word);
      word = undefined;
    } else if (character === "#") break;
    else word = (word ?? "") + character;
  }
  if (word !== undefined) found.push(word);
  return quoted === undefined ? found : undefined;
}

function checkLong(field: string, word: string): void {
  const [name = "", ...value] = word.slice(2).split("=");
  if (name === "export") {
    if (!/^ALL(,|$)/.test(value.join("="))) refuseOption(field, word, EXPORT_WHY);
    return;
  }
  // getopt_long(3) takes any beginning of a name that no other option shares.
  const refused = [...Object.keys(REFUSED), "export"].find((one) => one.startsWith(name));
  if (refused === undefined) return;
  const [option, why] = [`--${name}`, REFUSED[refused] ?? EXPORT_WHY];
  refuseOption(field, option, refused === name ? why : `it may mean --${refused}; write the option in full`);
}

function checkShort(field: string, word: string): void {
  for (const letter of word.slice(1)) {
    const refused = SHORT[letter];
    if (refused !== undefined) refuseOption(field, `-${letter}`, REFUSED[refused] ?? "");
    if (!SHORT_FLAGS.has(letter)) return;
  }
}

/** A word as sbatch reads it from a directive's line. */
export const directiveWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `"${word.replaceAll(/["\\]/g, String.raw`\$&`)}"`;

/**
 * A user's own directive as one `#SBATCH` line. Options that Berth rules are refused in every spelling that sbatch
 * takes: long, short, bundled, abbreviated. The words are written anew, so that sbatch reads what was checked here.
 * @throws BerthError `invalid_input` that names the field
 */
export function freeDirective(field: string, text: string): string {
  const options = directiveOptions(field, text, "#SBATCH");
  const found = words(options);
  if (found === undefined) return refuseOption(field, options, "a quote is not closed");
  for (const word of found) {
    // Where the word is the value of the option before it, this refuses more than it must.
    if (word === "--" || !word.startsWith("-")) continue;
    if (word.startsWith("--")) checkLong(field, word);
    else checkShort(field, word);
  }
  return `#SBATCH ${found.map(directiveWord).join(" ")}`;
}

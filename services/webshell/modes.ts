/**
 * The private modes of a terminal (xterm's ctlseqs, "DEC Private Mode Set") that last longer than the output which set
 * them, and what a fresh terminal has. A screen that is rebuilt from the end of the output needs them first.
 */
const FRESH = new Map<number, boolean>([
  [1, false], // application cursor keys
  [7, true], // auto-wrap
  [25, true], // the cursor is shown
  [47, false], // alternate screen, with its older spelling
  [1047, false],
  [1049, false],
  [1000, false], // mouse reports: clicks, drags, moves, and how they are spelled
  [1002, false],
  [1003, false],
  [1006, false],
  [1004, false], // focus reports
  [2004, false], // bracketed paste
]);
const ALTERNATE_SCREEN = [47, 1047, 1049] as const;

const ESCAPE = 0x1b;
// `CSI ? Pm h`, `CSI ? Pm l`, and the full reset `ESC c`.
// oxlint-disable-next-line no-control-regex
const SEQUENCE = /\x1b(?:\[\?([\d;]{1,64})([hl])|c)/g;

/** The private modes at one point of a terminal's output. */
export class Modes {
  readonly #changed: Map<number, boolean>;

  constructor(from?: Modes) {
    this.#changed = new Map(from === undefined ? [] : from.#changed);
  }

  /** Goes on by this piece of output, in which no sequence is cut in two. */
  read(output: Buffer): void {
    if (!output.includes(ESCAPE)) return;
    for (const [, numbers, final] of output.toString("latin1").matchAll(SEQUENCE)) {
      if (numbers === undefined) this.#changed.clear();
      for (const mode of numbers?.split(";").map(Number) ?? [])
        if (FRESH.has(mode)) this.#changed.set(mode, final === "h");
    }
  }

  get isAlternateScreen(): boolean {
    return ALTERNATE_SCREEN.some((mode) => this.#changed.get(mode) === true);
  }

  /** The sequences that bring a fresh terminal into these modes. */
  toString(): string {
    return [...this.#changed]
      .filter(([mode, isSet]) => FRESH.get(mode) !== isSet)
      .map(([mode, isSet]) => `\x1b[?${mode}${isSet ? "h" : "l"}`)
      .join("");
  }
}

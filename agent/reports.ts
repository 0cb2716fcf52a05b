import type { FileHandle } from "node:fs/promises";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { FileWatch } from "./file-watch.ts";
import { openRegularFile } from "./regular-file.ts";

const NAME = "reports";
const VERBS = ["status", "fail", "notify", "ready", "ended"] as const;
type Verb = (typeof VERBS)[number];

/** What a session's script says. `text` is one line, at most 2000 characters. */
export type Report = { verb: Verb; text: string };

/** Bytes read at once. Two fields of a record fit many times over; what ends nowhere in so many is nobody's report. */
const CHUNK = 65_536;
const TEXT_LIMIT = 2000;

const decoder = new TextDecoder();

/** A field's text on one line; the helper cuts at a byte, which may be within a character. */
const clean = (field: Uint8Array): string =>
  decoder
    .decode(field)
    .slice(0, TEXT_LIMIT)
    .replace(/\uFFFD+$/, "")
    .replaceAll(/\p{Cc}/gu, " ");

function verbOf(field: Uint8Array): Verb | undefined {
  const word = field.length < 16 ? decoder.decode(field) : "";
  return VERBS.find((verb) => verb === word);
}

/**
 * Reads the records `verb\0text\0` at the front of `bytes`. The service can append what it likes: a field that is no
 * verb is passed over, so that the next true record is found again.
 * @returns each report with the offset behind it, and the offset behind all that need not be read again; a torn last
 * record stays in front of it
 */
export function parseReports(bytes: Uint8Array): {
  reports: { report: Report; end: number }[];
  consumed: number;
} {
  const reports: { report: Report; end: number }[] = [];
  let consumed = 0;
  for (;;) {
    const verbEnd = bytes.indexOf(0, consumed);
    if (verbEnd === -1) return { reports, consumed };
    const verb = verbOf(bytes.subarray(consumed, verbEnd));
    if (verb === undefined) {
      consumed = verbEnd + 1;
      continue;
    }
    const end = bytes.indexOf(0, verbEnd + 1);
    if (end === -1) return { reports, consumed };
    consumed = end + 1;
    reports.push({ report: { verb, text: clean(bytes.subarray(verbEnd + 1, end)) }, end: consumed });
  }
}

/** Takes a report and the offset (bytes) to go on from after a restart. The next report waits for it. */
export type ReportHandler = (report: Report, offset: number) => void | Promise<void>;

/** A session's `reports`: what the script appends is handed on, in order, within milliseconds. */
export class ReportsFile implements AsyncDisposable {
  readonly #path: string;
  readonly #onReport: ReportHandler;
  readonly #watch: FileWatch;
  /** Reads happen one after the other. */
  #turn: Promise<void> = Promise.resolve();
  #isReadDue = false;
  #isClosed = false;
  #offset: number;

  private constructor(directory: string, offset: number, onReport: ReportHandler) {
    this.#path = join(directory, NAME);
    this.#offset = offset;
    this.#onReport = onReport;
    this.#watch = new FileWatch(directory, NAME, () => this.#touched());
  }

  /**
   * Opens the reports of a session's directory, which must be there; the file need not be. What stands behind `offset`
   * (bytes) has been handed on when it returns.
   */
  static async open(directory: string, offset: number, onReport: ReportHandler): Promise<ReportsFile> {
    const file = new ReportsFile(directory, offset, onReport);
    await file.refresh();
    return file;
  }

  /** Where to go on from after a restart, bytes. */
  get offset(): number {
    return this.#offset;
  }

  /** Reads now rather than when the watch says so: what is new has been handed on when it returns. */
  async refresh(): Promise<void> {
    this.#touched();
    await this.#turn;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#watch[Symbol.dispose]();
    await this.#turn;
  }

  #touched(): void {
    if (this.#isReadDue) return;
    this.#isReadDue = true;
    this.#turn = this.#turn.then(async () => {
      this.#isReadDue = false;
      await this.#read();
    });
  }

  async #read(): Promise<void> {
    // A stat says enough of an idle session, and those are looked at all the time.
    const found = await stat(this.#path).catch(() => undefined);
    if (found === undefined || found.size === this.#offset) return;
    // A service may have put something else in its place: nothing is reported then.
    await using file = await openRegularFile(this.#path).catch(() => undefined);
    if (file === undefined) return;
    // Shorter than what was read of it: it is another file now.
    if (found.size < this.#offset) this.#offset = 0;
    while (!this.#isClosed && (await this.#readChunk(file)));
  }

  /** False when nothing whole is left to be read. */
  async #readChunk(file: FileHandle): Promise<boolean> {
    const { buffer, bytesRead } = await file.read({
      buffer: Buffer.allocUnsafe(CHUNK),
      position: this.#offset,
    });
    const start = this.#offset;
    const { reports, consumed } = parseReports(buffer.subarray(0, bytesRead));
    for (const { report, end } of reports) {
      if (this.#isClosed) return false;
      this.#offset = start + end;
      await this.#onReport(report, this.#offset);
    }
    const isEndless = consumed === 0 && bytesRead === CHUNK;
    this.#offset = start + (isEndless ? CHUNK : consumed);
    return consumed > 0 || isEndless;
  }
}

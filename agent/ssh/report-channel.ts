import type { Duplex } from "node:stream";
import type { Report } from "../reports.ts";
import { parseReports } from "../reports.ts";

/** What ends nowhere in so many bytes is nobody's report. */
const LONGEST = 65_536;

export type ReportChannelOptions = {
  /** How many bytes of the node's `reports` have been acted upon. */
  offset: number;
  /** Takes a report and the offset behind it. The next report waits for it. */
  onReport: (report: Report, offset: number) => Promise<void>;
};

/**
 * Reads a node's `reports` from a channel: says the offset from which the node is to send, takes the records as they
 * come, and says each new offset, in bytes, on a line of its own, once what stands in front of it has been acted upon.
 * So a record that the loss of a connection interrupts is sent again, and one that has been acted upon never is.
 */
export class ReportChannel {
  readonly #stream: Duplex;
  readonly #onReport: ReportChannelOptions["onReport"];
  #offset: number;

  constructor(stream: Duplex, { offset, onReport }: ReportChannelOptions) {
    this.#stream = stream;
    this.#offset = offset;
    this.#onReport = onReport;
  }

  /** How many bytes have been acted upon. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * Reads to the end of the channel, or to its loss, which is nothing special. A report that is being acted upon when
   * the stream is destroyed is the last.
   * @throws what `onReport` throws; its report counts as not acted upon
   */
  async read(): Promise<void> {
    this.#stream.on("error", () => {});
    if (this.#stream.destroyed) return;
    this.#say();
    let pending: Buffer = Buffer.alloc(0);
    try {
      for await (const chunk of chunksOf(this.#stream))
        pending = await this.#take(Buffer.concat([pending, chunk]));
    } finally {
      this.#stream.destroy();
    }
  }

  /** @returns what is left: the beginning of a record */
  async #take(bytes: Buffer): Promise<Buffer> {
    const start = this.#offset;
    const { reports, consumed } = parseReports(bytes);
    for (const { report, end } of reports) {
      if (this.#stream.destroyed) return bytes;
      await this.#onReport(report, start + end);
      this.#offset = start + end;
      this.#say();
    }
    const isEndless = consumed === 0 && bytes.length >= LONGEST;
    const passed = isEndless ? bytes.length : consumed;
    if (start + passed > this.#offset) {
      this.#offset = start + passed;
      this.#say();
    }
    return bytes.subarray(passed);
  }

  #say(): void {
    if (this.#stream.writable) this.#stream.write(`${this.#offset}\n`);
  }
}

/** The chunks up to the end or the loss of a stream. */
async function* chunksOf(stream: Duplex): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (error) {
    if (!stream.destroyed) throw error;
  }
}

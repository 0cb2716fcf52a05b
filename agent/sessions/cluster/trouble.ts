/**
 * What keeps the cluster from being asked, and since when: shown until it answers again. Nothing follows from it about
 * the session.
 */
export class Trouble {
  readonly #clock: () => number;
  #since: number | undefined;
  #text: string | undefined;

  /** @param clock milliseconds since 1970 */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  get text(): string | undefined {
    return this.#text;
  }

  /**
   * @param what what cannot be done: "Cannot ask the scheduler"
   * @returns whether the text is another one now
   */
  set(what: string, why: string): boolean {
    this.#since ??= this.#clock();
    const time = new Date(this.#since).toISOString().slice(11, 16);
    return this.#become(`${what} since ${time} UTC: ${why}`);
  }

  /** @returns whether there was any */
  clear(): boolean {
    this.#since = undefined;
    return this.#become(undefined);
  }

  #become(text: string | undefined): boolean {
    const isNew = text !== this.#text;
    this.#text = text;
    return isNew;
  }
}

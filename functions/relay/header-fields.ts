/** Headers in the order they were sent; a name may repeat. */
export type HeaderList = [name: string, value: string][];

/**
 * Headers while they are made, names in lower case. Each call of `Headers` is one of the runtime's, and so is each of its
 * objects: an answer's headers are made here, and become the runtime's all at once (bench/README.md).
 */
export class HeaderFields {
  readonly #first = new Map<string, string>();
  /** The further values of a name that repeats: `Set-Cookie` is no list (RFC 9110, section 5.3). */
  readonly #further: HeaderList = [];

  append(name: string, value: string): void {
    if (this.#first.has(name)) this.#further.push([name, value]);
    else this.#first.set(name, value);
  }

  has(name: string): boolean {
    return this.#first.has(name);
  }

  /** All of a name's values as one, as `Headers` says them; undefined without any. */
  get(name: string): string | undefined {
    const first = this.#first.get(name);
    if (first === undefined || this.#further.length === 0) return first;
    const further = this.#further.filter(([each]) => each === name).map(([, value]) => value);
    return [first, ...further].join(", ");
  }

  /** In place of whatever the name had. */
  set(name: string, value: string): void {
    this.#first.set(name, value);
    if (this.#further.length === 0) return;
    const others = this.#further.filter(([each]) => each !== name);
    this.#further.splice(0, Infinity, ...others);
  }

  /**
   * For a `Response`.
   * @throws TypeError for what is no header, here or when it is used
   */
  toInit(): Headers | Record<string, string> {
    const first = Object.fromEntries(this.#first);
    if (this.#further.length === 0) return first;
    const headers = new Headers(first);
    for (const [name, value] of this.#further) headers.append(name, value);
    return headers;
  }
}

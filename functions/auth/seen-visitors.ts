import type { Config } from "../config.ts";
import type { Visitor } from "./visitor.ts";

/** More than come to one isolate within a while. */
const KEPT = 1024;
/** What is longer is read anew each time, so that what is kept is bounded in bytes, too. Characters. */
const LONGEST = 4096;

/**
 * Visitors whose proof this isolate has found good, by the text that showed it: each sends the same with every request. What
 * was signed stays signed, but nothing is kept beyond the time in it, or under other settings: with a secret that was
 * replaced the configuration is another. Whether a login or token was ended since is not known here; see `Visitor`.
 */
export class SeenVisitors {
  readonly #seen = new WeakMap<Config, Map<string, Visitor>>();

  /** @param now in milliseconds since 1970 */
  get(config: Config, proof: string, now: number): Visitor | undefined {
    const seen = this.#seen.get(config);
    const visitor = seen?.get(proof);
    if (visitor?.kind !== "browser" || visitor.expires > now) return visitor;
    seen?.delete(proof);
    return undefined;
  }

  add(config: Config, proof: string, visitor: Visitor): void {
    if (proof.length > LONGEST) return;
    const seen = this.#seen.get(config) ?? new Map<string, Visitor>();
    if (seen.size >= KEPT) seen.clear();
    this.#seen.set(config, seen.set(proof, visitor));
  }
}

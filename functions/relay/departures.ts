import type { Answer } from "./answer.ts";

/** So long an answer may take before it is looked whether its browser is still there. Milliseconds. */
const PATIENCE_MS = 250;

/**
 * Tells answers that their browser is gone. Most are over before anybody looks, and that is the point: the signal of a request
 * is an object of the runtime's own, made when it is asked for, and dearer with a listener than the headers of its answer
 * (bench/README.md).
 */
export class Departures {
  readonly #unwatched = new Map<Answer, () => AbortSignal>();
  #isDue = false;

  /** @param signal fires when the answer's browser is gone */
  watch(answer: Answer, signal: () => AbortSignal): void {
    this.#unwatched.set(answer, signal);
    if (this.#isDue) return;
    this.#isDue = true;
    setTimeout(() => this.#look(), PATIENCE_MS);
  }

  /** The answer is over. */
  forget(answer: Answer): void {
    this.#unwatched.delete(answer);
  }

  #look(): void {
    this.#isDue = false;
    for (const [answer, signalOf] of this.#unwatched) {
      const signal = signalOf();
      // Never taken away: it ends with its request, and what is over cannot be abandoned.
      signal.addEventListener("abort", () => answer.abandon());
      if (signal.aborted) answer.abandon();
    }
    this.#unwatched.clear();
  }
}

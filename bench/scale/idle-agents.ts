import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Catalogue } from "../../agent/catalogue.ts";
import { Link } from "../../agent/link.ts";
import type { CatalogueEntry } from "../../contract/service.ts";
import { PROTOCOL_VERSION } from "../../contract/version.ts";
import { poll } from "../poll.ts";

const SERVICES = join(import.meta.dirname, "../../services");
const quiet = { info: () => undefined, warn: () => undefined };

/** Agents that have nothing to do: each the agent's own link, with this repository's catalogue to tell. */
export class IdleAgents implements AsyncDisposable {
  #up = 0;
  #lost = 0;
  readonly #links: Link[];

  private constructor(origin: string, tokens: readonly string[], services: CatalogueEntry[]) {
    this.#links = tokens.map(
      (token, index) =>
        new Link({
          url: new URL(origin),
          token: () => Promise.resolve(token),
          log: quiet,
          random: Math.random,
          hello: () => ({
            type: "hello",
            protocol: PROTOCOL_VERSION,
            agent: { version: "0.1.0", host: `host-${index}`, user: `user-${index}` },
            services,
            resources: [],
            sessions: [],
          }),
          onWelcome: () => {
            this.#up += 1;
          },
          onFrame: () => undefined,
          onLost: () => {
            this.#up -= 1;
            this.#lost += 1;
          },
          onReplaced: () => undefined,
          onRefused: () => undefined,
        }),
    );
  }

  /** Agents that have not dialled yet. */
  static async with(origin: string, tokens: readonly string[]): Promise<IdleAgents> {
    return new IdleAgents(origin, tokens, (await Catalogue.load([SERVICES])).entries());
  }

  /** Dials one link after the other, evenly over `ms` milliseconds. */
  async dial(ms: number, signal: AbortSignal): Promise<void> {
    const begun = performance.now();
    for (const [index, link] of this.#links.entries()) {
      const due = begun + (ms * index) / this.#links.length;
      if (due > performance.now()) await delay(due - performance.now(), undefined, { signal });
      link.start();
    }
  }

  /** Links that are up now. */
  get up(): number {
    return this.#up;
  }

  /** Links that went down since they were up. */
  get lost(): number {
    return this.#lost;
  }

  /** Resolves when all are up. */
  async allUp(signal: AbortSignal): Promise<void> {
    const what = `${this.#links.length} links`;
    await poll(() => this.#up === this.#links.length, { timeoutMs: 600_000, what, signal, everyMs: 50 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#links.map((link) => link[Symbol.asyncDispose]()));
  }
}

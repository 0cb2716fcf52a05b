import { type Joined, readJoined, writeJoined } from "./joined.ts";

/** The token that the agent shows to its edge. */
export type AgentToken = {
  /** What requests beside the link show. */
  readonly current: string;
  /** What a new link shows: what is on the disk, once nothing is being written there. */
  settled: () => Promise<string>;
  /** Replaces it; resolves when the new one is on the disk for good. */
  keep: (token: string) => Promise<void>;
};

/** The local instance's own, which nobody replaces. */
export const fixedToken = (token: string): AgentToken => ({
  current: token,
  settled: () => Promise.resolve(token),
  keep: () => Promise.reject(new Error("this edge gives out no tokens")),
});

/**
 * The token of an edge that was joined. The edge takes a token that is shown on a new link for one that was written down, so
 * that the link shows nothing else: what is in the file, never what is only in memory.
 */
export class JoinedToken implements AgentToken {
  readonly #home: string;
  #joined: Joined;
  #writing: Promise<void> = Promise.resolve();

  constructor(home: string, joined: Joined) {
    this.#home = home;
    this.#joined = joined;
  }

  get current(): string {
    return this.#joined.token;
  }

  /** @throws BerthError as `readJoined`, when somebody has written something else there */
  async settled(): Promise<string> {
    await this.#writing;
    const joined = await readJoined(this.#home);
    // Deleted, or joined to another edge meanwhile: that is for the next start.
    if (joined?.edge.origin === this.#joined.edge.origin) this.#joined = joined;
    return this.#joined.token;
  }

  async keep(token: string): Promise<void> {
    const written = this.#writing.then(async () => {
      const joined = { ...this.#joined, token };
      await writeJoined(this.#home, joined);
      this.#joined = joined;
    });
    this.#writing = written.catch(() => undefined);
    await written;
  }
}

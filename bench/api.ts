import { z } from "zod";
import { ResourceView } from "../contract/resource.ts";
import type { LaunchRequest } from "../contract/session.ts";
import { isEnded, Session } from "../contract/session.ts";
import { poll } from "./poll.ts";

/** What the bench reads of a session: an earlier commit's tells that, too. */
export const BenchSession = Session.pick({
  id: true,
  state: true,
  error: true,
  url: true,
  port: true,
  slug: true,
  jobId: true,
});
export type BenchSession = z.infer<typeof BenchSession>;

/** A client of Berth's API (design 3.2), with the local instance's token. */
export class Api {
  readonly origin: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly #signal: AbortSignal;

  constructor(port: number, token: string, signal: AbortSignal) {
    this.origin = `http://localhost:${port}`;
    this.headers = { authorization: `Bearer ${token}` };
    this.#signal = signal;
  }

  /** Launches in the workspace, unless the request says where else. */
  async launch(service: string, request: Partial<LaunchRequest> = {}): Promise<BenchSession> {
    return BenchSession.parse(
      await this.#ask("POST", "/api/sessions", JSON.stringify({ service, ...request })),
    );
  }

  async session(id: string): Promise<BenchSession> {
    return BenchSession.parse(await this.#ask("GET", `/api/sessions/${id}`));
  }

  async sessions(): Promise<BenchSession[]> {
    return z.array(BenchSession).parse(await this.#ask("GET", "/api/sessions"));
  }

  async resources(): Promise<ResourceView[]> {
    return z.array(ResourceView).parse(await this.#ask("GET", "/api/resources"));
  }

  /** Polls every 10 ms until the session is as `wanted`; one that ends otherwise is an error that says why. */
  async until(id: string, what: string, wanted: (session: BenchSession) => boolean): Promise<BenchSession> {
    const probe = async (): Promise<BenchSession | false> => {
      const session = await this.session(id);
      if (wanted(session)) return session;
      if (isEnded(session.state)) throw new Error(`the session ended as ${session.state}: ${session.error}`);
      return false;
    };
    return poll(probe, { timeoutMs: 60_000, what, signal: this.#signal });
  }

  running(id: string): Promise<BenchSession> {
    return this.until(id, "a running session", ({ state, url }) => state === "running" && url !== null);
  }

  /** Asks for a session's end. */
  async askToCancel(id: string): Promise<void> {
    await this.#ask("POST", `/api/sessions/${id}/cancel`);
  }

  /** Cancels, and waits until it is over. */
  async cancel(id: string): Promise<void> {
    await this.askToCancel(id);
    await this.until(id, "the end of a cancelled session", ({ state }) => isEnded(state));
  }

  async #ask(method: string, path: string, body?: string): Promise<unknown> {
    const response = await fetch(this.origin + path, {
      method,
      headers: { ...this.headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      body: body ?? null,
      signal: this.#signal,
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 2000)}`);
    return JSON.parse(text);
  }
}

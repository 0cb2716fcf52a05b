import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LocalEdge } from "../../local/edge.ts";
import { freePort } from "./berth.ts";

const SECRETS = { token: "the-api-token", agentToken: "the-agent-token", cookieSecret: "the-cookie-secret" };

/** The real edge in workerd without any agent, and a person who is logged in to its console. */
export class JoinedEdge implements AsyncDisposable {
  readonly url: string;
  readonly #edge: LocalEdge;
  readonly #state: string;
  #cookie = "";

  private constructor(url: string, edge: LocalEdge, state: string) {
    this.url = url;
    this.#edge = edge;
    this.#state = state;
  }

  static async start(): Promise<JoinedEdge> {
    const [port, state] = [await freePort(), await mkdtemp(join(tmpdir(), "berth-joined-"))];
    const edge = await LocalEdge.start({ port, state, secrets: SECRETS });
    const joined = new JoinedEdge(`http://localhost:${port}`, edge, state);
    const { url } = (await (await joined.api("POST", "/api/login-links")).json()) as { url: string };
    const response = await fetch(url, { redirect: "manual" });
    joined.#cookie = response.headers.getSetCookie()[0]?.split(";", 1)[0] ?? "";
    return joined;
  }

  /** Asks as a program. */
  api(method: string, path: string): Promise<Response> {
    return fetch(this.url + path, { method, headers: { authorization: `Bearer ${SECRETS.token}` } });
  }

  /** A page, as the person's browser gets it. */
  async page(path: string): Promise<string> {
    return (await fetch(this.url + path, { headers: { cookie: this.#cookie, accept: "text/html" } })).text();
  }

  /** Sends a form of the console's. */
  async send(path: string, fields: Record<string, string>): Promise<Response> {
    return fetch(this.url + path, {
      method: "POST",
      redirect: "manual",
      headers: { cookie: this.#cookie, origin: this.url, accept: "text/html" },
      body: new URLSearchParams(fields),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#edge[Symbol.asyncDispose]();
    await rm(this.#state, { recursive: true, force: true });
  }
}

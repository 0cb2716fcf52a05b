import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AgentStatus } from "../../contract/agent-status.ts";
import { EnrolledAgent } from "../../contract/enrolment.ts";
import { LocalEdge } from "../../local/edge.ts";
import { freePort } from "./free-port.ts";

const SECRETS = { token: "the-api-token", agentToken: "the-agent-token", cookieSecret: "the-cookie-secret" };

/** The real edge in workerd, without an agent, and a person who is logged in to its console. */
export class BareEdge implements AsyncDisposable {
  readonly url: string;
  #edge: LocalEdge;
  readonly #port: number;
  readonly #state: string;
  #cookie = "";

  private constructor(port: number, edge: LocalEdge, state: string) {
    this.url = `http://localhost:${port}`;
    this.#port = port;
    this.#edge = edge;
    this.#state = state;
  }

  static async start(): Promise<BareEdge> {
    const [port, state] = [await freePort(), await mkdtemp(join(tmpdir(), "berth-joined-"))];
    const edge = await LocalEdge.start({ port, state, secrets: SECRETS });
    const joined = new BareEdge(port, edge, state);
    const { url } = (await (await joined.api("POST", "/api/login-links")).json()) as { url: string };
    const response = await fetch(url, { redirect: "manual" });
    joined.#cookie = response.headers.getSetCookie()[0]?.split(";", 1)[0] ?? "";
    return joined;
  }

  get asApi(): { authorization: string } {
    return { authorization: `Bearer ${SECRETS.token}` };
  }

  /** Asks as a program. */
  api(method: string, path: string, json?: unknown): Promise<Response> {
    return fetch(this.url + path, {
      method,
      headers: { ...this.asApi, "content-type": "application/json" },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
  }

  /** Stops it, has its storage changed, and starts it again. */
  async restart(change: (state: string) => Promise<void>): Promise<void> {
    await this.#edge[Symbol.asyncDispose]();
    await change(this.#state);
    this.#edge = await LocalEdge.start({ port: this.#port, state: this.#state, secrets: SECRETS });
  }

  async agent(): Promise<AgentStatus> {
    return AgentStatus.parse(await (await this.api("GET", "/api/agent")).json());
  }

  async agents(): Promise<EnrolledAgent[]> {
    return EnrolledAgent.array().parse(await (await this.api("GET", "/api/agents")).json());
  }

  /** Approves whoever asks by a code, in place of the agent that the page names. */
  async approve(code: string): Promise<void> {
    const page = await this.page(`/join?code=${code}`);
    const replaces = /name="replaces" value="([^"]*)"/.exec(page)?.[1] ?? "";
    const answer = await this.send("/join", { code, decision: "approve", replaces });
    if (answer.headers.get("location") !== "/join?said=approved") throw new Error(await answer.text());
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

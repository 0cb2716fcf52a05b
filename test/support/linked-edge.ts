import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import type { z } from "zod";
import { type AgentFrame, decodeFrame, EdgeFrame, encodeFrame } from "../../contract/frames.ts";
import { type LaunchRequest, Session, SessionReport } from "../../contract/session.ts";
import { PROTOCOL_VERSION } from "../../contract/version.ts";
import { LocalEdge } from "../../local/edge.ts";
import { freePort } from "./berth.ts";
import { eventually } from "./eventually.ts";

const SECRETS = { token: "the-api-token", agentToken: "the-agent-token", cookieSecret: "the-cookie-secret" };

type Hello = Extract<AgentFrame, { type: "hello" }>;

/** The real edge in workerd with an agent's link that says what the test tells it, of clusters that need not be. */
export class LinkedEdge implements AsyncDisposable {
  readonly url: string;
  readonly #edge: LocalEdge;
  readonly #link: WebSocket;
  readonly #state: string;

  private constructor(url: string, edge: LocalEdge, link: WebSocket, state: string) {
    this.url = url;
    this.#edge = edge;
    this.#link = link;
    this.#state = state;
  }

  static async start(hello: Pick<Hello, "services" | "resources">): Promise<LinkedEdge> {
    const [port, state] = [await freePort(), await mkdtemp(join(tmpdir(), "berth-edge-"))];
    const edge = await LocalEdge.start({ port, state, secrets: SECRETS });
    const link = new WebSocket(`ws://localhost:${port}/agent/link`, {
      headers: { authorization: `Bearer ${SECRETS.agentToken}` },
    });
    await once(link, "open");
    const agent = { version: "0.1.0", host: "workspace", user: "ana" };
    link.send(encodeFrame({ type: "hello", protocol: PROTOCOL_VERSION, agent, sessions: [], ...hello }));
    const [welcome] = await once(link, "message");
    if (decodeFrame(EdgeFrame, String(welcome)).head.type !== "welcome") throw new Error("no welcome");
    return new LinkedEdge(`http://localhost:${port}`, edge, link, state);
  }

  send(frame: AgentFrame): void {
    this.#link.send(encodeFrame(frame));
  }

  /** A link that logs one browser in. */
  async loginLink(): Promise<string> {
    return ((await (await this.#api("POST", "/api/login-links")).json()) as { url: string }).url;
  }

  async sessions(): Promise<Session[]> {
    return Session.array().parse(await (await this.#api("GET", "/api/sessions")).json());
  }

  /** Launches, and reports of the session what the test says; resolves when the edge shows it. */
  async session(
    request: z.input<typeof LaunchRequest>,
    report: Partial<SessionReport> & Pick<SessionReport, "state">,
  ): Promise<Session> {
    const { id } = Session.parse(await (await this.#api("POST", "/api/sessions", request)).json());
    const quiet = { status: "", error: "", scheme: "me", slug: "", stripPrefix: true };
    this.send({ type: "report", report: SessionReport.parse({ id, ...quiet, ...report }) });
    return eventually(
      async () => (await this.sessions()).find((each) => each.id === id && each.state === report.state),
      { what: `session ${id} to be ${report.state}` },
    );
  }

  #api(method: string, path: string, json?: unknown): Promise<Response> {
    return fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${SECRETS.token}`, "content-type": "application/json" },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#link.close();
    await this.#edge[Symbol.asyncDispose]();
    await rm(this.#state, { recursive: true, force: true });
  }
}

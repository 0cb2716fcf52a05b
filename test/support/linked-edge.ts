import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import type { z } from "zod";
import { type AgentFrame, decodeFrame, EdgeFrame, encodeFrame } from "../../contract/frames.ts";
import { type LaunchRequest, Session, SessionReport } from "../../contract/session.ts";
import { PROTOCOL_VERSION } from "../../contract/version.ts";
import { type EdgeOptions, LocalEdge } from "../../local/edge.ts";
import { freePort } from "./free-port.ts";
import { eventually } from "./eventually.ts";

const SECRETS = { token: "the-api-token", agentToken: "the-agent-token", cookieSecret: "the-cookie-secret" };

type Hello = Extract<AgentFrame, { type: "hello" }>;

/** The real edge in workerd with an agent's link that says what the test tells it, of clusters that need not be. */
export class LinkedEdge implements AsyncDisposable {
  readonly url: string;
  readonly #options: EdgeOptions;
  #edge: LocalEdge;
  #link: WebSocket;

  private constructor(options: EdgeOptions, edge: LocalEdge, link: WebSocket) {
    this.url = `http://localhost:${options.port}`;
    this.#options = options;
    this.#edge = edge;
    this.#link = link;
  }

  /** @param bindings settings of the edge's, as an operator has them */
  static async start(
    hello: Pick<Hello, "services" | "resources">,
    bindings: Record<string, string> = {},
  ): Promise<LinkedEdge> {
    const [port, state] = [await freePort(), await mkdtemp(join(tmpdir(), "berth-edge-"))];
    const options = { port, state, secrets: SECRETS, bindings };
    const edge = await LocalEdge.start(options);
    return new LinkedEdge(options, edge, await openLink(port, { ...hello, sessions: [] }));
  }

  /** Ends workerd and starts it again with the storage that it left; the agent then says what it knows. */
  async restart(hello: Pick<Hello, "services" | "resources" | "sessions">): Promise<void> {
    this.#link.close();
    await this.#edge[Symbol.asyncDispose]();
    this.#edge = await LocalEdge.start(this.#options);
    this.#link = await openLink(this.#options.port, hello);
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
    await rm(this.#options.state, { recursive: true, force: true });
  }
}

/** An agent's link that has said hello and was welcomed. */
async function openLink(
  port: number,
  hello: Pick<Hello, "services" | "resources" | "sessions">,
): Promise<WebSocket> {
  const link = new WebSocket(`ws://localhost:${port}/agent/link`, {
    headers: { authorization: `Bearer ${SECRETS.agentToken}` },
  });
  await once(link, "open");
  const agent = { version: "0.1.0", host: "workspace", user: "ana" };
  link.send(encodeFrame({ type: "hello", protocol: PROTOCOL_VERSION, agent, ...hello }));
  const [welcome] = await once(link, "message");
  if (decodeFrame(EdgeFrame, String(welcome)).head.type !== "welcome") throw new Error("no welcome");
  return link;
}

import { once } from "node:events";
import { WebSocket } from "ws";
import { decodeFrame, EdgeFrame, encodeFrame } from "../../contract/frames.ts";
import { Session, SessionReport } from "../../contract/session.ts";
import { PROTOCOL_VERSION } from "../../contract/version.ts";
import { service } from "../functions/support/samples.ts";
import type { BareEdge } from "./bare-edge.ts";
import { eventually } from "./eventually.ts";

const PORT = 51_458;

/** An agent that has a token and ends nothing of its own accord, whatever the edge says: as one who has copied the token. */
export class HandMadeAgent implements AsyncDisposable {
  readonly #origin: string;
  readonly #headers: { authorization: string };
  readonly #link: WebSocket;
  readonly #frames: EdgeFrame[] = [];
  readonly #sockets: WebSocket[] = [];

  private constructor(origin: string, token: string) {
    this.#origin = origin.replace(/^http/, "ws");
    this.#headers = { authorization: `Bearer ${token}` };
    this.#link = this.#open("/agent/link", this.#headers);
    this.#link.on("message", (data: Buffer, isBinary: boolean) => {
      this.#frames.push(decodeFrame(EdgeFrame, isBinary ? data : data.toString()).head);
    });
  }

  static async link(origin: string, token: string): Promise<HandMadeAgent> {
    const agent = new HandMadeAgent(origin, token);
    await once(agent.#link, "open");
    const who = { version: "0.1.0", host: "thief", user: "thief" };
    agent.#link.send(
      encodeFrame({
        type: "hello",
        protocol: PROTOCOL_VERSION,
        agent: who,
        services: [service()],
        resources: [],
        sessions: [],
      }),
    );
    await agent.#frame("welcome");
    return agent;
  }

  /** A WebSocket between a browser and this agent, through the edge: both ends. */
  async coupled(edge: Pick<BareEdge, "api" | "asApi">): Promise<[browser: WebSocket, service: WebSocket]> {
    const { id } = Session.parse(
      await (await edge.api("POST", "/api/sessions", { service: "notebook" })).json(),
    );
    const said = { state: "running", status: "Running", error: "", scheme: "me", port: PORT, slug: "" };
    const report = SessionReport.parse({ id, ...said, stripPrefix: true, startedAt: Date.now() });
    this.#link.send(encodeFrame({ type: "report", report }));
    await eventually(
      async () =>
        Session.parse(await (await edge.api("GET", `/api/sessions/${id}`)).json()).state === "running",
      { what: "the session to run" },
    );
    const browser = this.#open(`/me/${PORT}/`, edge.asApi);
    const opened = once(browser, "open");
    const { id: stream } = await this.#frame("websocket");
    const behind = this.#open(`/agent/streams/${stream}`, this.#headers);
    await Promise.all([opened, once(behind, "open")]);
    return [browser, behind];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.terminate();
  }

  #open(path: string, headers: { authorization: string }): WebSocket {
    const socket = new WebSocket(this.#origin + path, { headers });
    // What is cut off is told by its close.
    socket.on("error", () => undefined);
    this.#sockets.push(socket);
    return socket;
  }

  #frame<Type extends EdgeFrame["type"]>(type: Type): Promise<Extract<EdgeFrame, { type: Type }>> {
    return eventually(
      () => this.#frames.find((frame): frame is Extract<EdgeFrame, { type: Type }> => frame.type === type),
      { what: type },
    );
  }
}

import type { EdgeFrame, Frame, Target } from "../../contract/frames.ts";
import type { SessionId } from "../../contract/ids.ts";
import { AnswerSender, type AnswerSource } from "./answer.ts";
import type { EdgeClient } from "./edge-client.ts";
import { LogReader, type ReadableLog } from "./log.ts";
import { Traffic } from "./traffic.ts";
import { type ServiceAddress, UpstreamRequest, Upstreams } from "./upstream.ts";
import { SocketBridge } from "./websocket.ts";

type RequestHead = Extract<EdgeFrame, { type: "request" }>;
type SocketHead = Extract<EdgeFrame, { type: "websocket" }>;
type RelayHead = Extract<EdgeFrame, { type: "request" | "websocket" | "abort" | "ack" | "evict" }>;

/** What the relay asks of the sessions. */
export type RelayContext = {
  /** Where a session's service is now; undefined when it is not live. */
  service: (id: SessionId) => ServiceAddress | undefined;
  /** Undefined for a session that is not known here. */
  log: (id: SessionId) => { log: ReadableLog; isOver: () => boolean } | undefined;
};

type Stream = {
  session: SessionId;
  /** Whom it is for, in the edge's words. */
  visitor: string;
  sender: AnswerSender;
  bridge: SocketBridge | undefined;
  isLog: boolean;
};

/** How many requests and WebSockets one session answers at once, where the edge has not said another number. */
const STREAMS = 512;

/** How often the edge is told whose WebSockets are in use, milliseconds: a login that is not used ends by itself. */
const ACTIVE_MS = 300_000;
/** How often it is told what was relayed, milliseconds, while anything is. */
const TRAFFIC_MS = 60_000;

/** Serves what the edge relays: requests and WebSockets to the sessions' ports, and the sessions' logs. */
export class Relay implements Disposable {
  readonly #edge: EdgeClient;
  readonly #context: RelayContext;
  readonly #upstreams = new Upstreams();
  readonly #streams = new Map<string, Stream>();
  /** How many of them each session has, without those for its log. */
  readonly #counts = new Map<SessionId, number>();
  #limit = STREAMS;
  readonly #active = new Set<string>();
  readonly #traffic = new Traffic();
  readonly #telling: readonly NodeJS.Timeout[];

  constructor(edge: EdgeClient, context: RelayContext) {
    this.#edge = edge;
    this.#context = context;
    this.#telling = [
      setInterval(() => this.#tellActive(), ACTIVE_MS),
      setInterval(() => this.#tellTraffic(), TRAFFIC_MS),
    ];
  }

  /** Sets how many requests and WebSockets one session answers at once; those that are open go on. */
  limitStreams(count: number): void {
    this.#limit = count;
  }

  receive({ head, payload }: Frame<RelayHead>): void {
    switch (head.type) {
      case "request":
        this.#request(head, payload);
        return;
      case "websocket":
        this.#websocket(head);
        return;
      case "abort":
        this.#streams.get(head.id)?.sender.abort();
        return;
      case "ack":
        this.#streams.get(head.id)?.sender.ack(head.bytes);
        return;
      case "evict":
        for (const stream of this.#streams.values()) {
          if (stream.visitor !== head.visitor) continue;
          stream.bridge?.abort();
          stream.sender.cut("the login is over");
        }
        return;
      default:
        head satisfies never;
    }
  }

  /** A session is over: its live requests and sockets end with it; its log may still be read. */
  endSession(session: SessionId, port: number | undefined): void {
    for (const stream of this.#streams.values()) {
      if (stream.session !== session || stream.isLog) continue;
      stream.bridge?.abort();
      stream.sender.fail("broken", "the session has ended");
    }
    if (port !== undefined) this.#upstreams.drop(port);
  }

  /** The link is gone: nobody is left to answer. */
  endAll(): void {
    for (const stream of this.#streams.values()) {
      stream.bridge?.abort();
      stream.sender.abort();
    }
  }

  [Symbol.dispose](): void {
    for (const timer of this.#telling) clearInterval(timer);
    this.endAll();
    this.#upstreams[Symbol.dispose]();
  }

  #request(head: RequestHead, payload: Uint8Array): void {
    if (head.target.kind === "log") {
      this.#log(head, head.target);
      return;
    }
    if (this.#isBusy(head)) return;
    const upstream = new UpstreamRequest();
    const sender = this.#add(head, upstream, false);
    const service = this.#service(head.target);
    if (service === undefined) {
      sender.fail("refused", "the session is not live");
      return;
    }
    const connections = this.#upstreams.agent(service, head.target.tls);
    if (head.body !== "stream") {
      this.#traffic.addToService(payload.byteLength);
      upstream.send(connections, head, head.body === "inline" ? payload : null, sender);
      return;
    }
    this.#edge.body(head.id).then(
      (body) => {
        body.on("data", (chunk: Buffer) => this.#traffic.addToService(chunk.byteLength));
        upstream.send(connections, head, body, sender);
      },
      (error: unknown) => sender.fail("broken", messageOf(error)),
    );
  }

  #log(head: RequestHead, target: Extract<Target, { kind: "log" }>): void {
    const reader = new LogReader();
    const sender = this.#add(head, reader, true);
    const log = this.#context.log(target.session);
    if (log === undefined) {
      sender.fail("not_found", "this workspace has no log of the session");
      return;
    }
    const header = (name: string): string => head.headers.find(([key]) => key === name)?.[1] ?? "";
    const last = header("last-event-id");
    const offset = /^\d{1,15}$/.test(last) ? Number(last) : 0;
    const asEvents = header("accept").includes("text/event-stream");
    reader.read({ ...log, follow: target.follow, asEvents, offset }, sender).catch((error: unknown) => {
      sender.fail("broken", `the log cannot be read: ${messageOf(error)}`);
    });
  }

  #websocket(head: SocketHead): void {
    if (this.#isBusy(head)) return;
    const bridge = new SocketBridge();
    const sender = this.#add(head, bridge, false);
    const service = this.#service(head.target);
    if (service === undefined) {
      sender.fail("refused", "the session is not live");
      return;
    }
    const stream = this.#streams.get(head.id);
    if (stream !== undefined) stream.bridge = bridge;
    try {
      bridge.open(head, service, (id) => this.#edge.socket(id), sender, {
        onOver: () => this.#drop(head.id),
        onUse: () => this.#active.add(head.visitor),
      });
    } catch (error) {
      // Not every header that the edge takes from a client is one that Node sends.
      sender.fail("broken", `the application cannot be asked: ${messageOf(error)}`);
    }
  }

  #tellActive(): void {
    if (this.#active.size === 0) return;
    this.#edge.send({ type: "active", visitors: [...this.#active].slice(0, 1000) });
    this.#active.clear();
  }

  #tellTraffic(): void {
    const traffic = this.#traffic.take(this.#streams.values());
    if (traffic !== undefined) this.#edge.send({ type: "active", visitors: [], traffic });
  }

  #service(target: Target): ServiceAddress | undefined {
    const service = target.kind === "port" ? this.#context.service(target.session) : undefined;
    return target.kind === "port" && service?.port === target.port ? service : undefined;
  }

  #add(head: RequestHead | SocketHead, source: AnswerSource, isLog: boolean): AnswerSender {
    const sender = new AnswerSender(head.id, this.#edge, source, () => this.#drop(head.id));
    const { visitor } = head;
    const { session } = head.target;
    this.#streams.set(head.id, { session, visitor, sender, bridge: undefined, isLog });
    if (!isLog) this.#counts.set(session, (this.#counts.get(session) ?? 0) + 1);
    return sender;
  }

  #drop(id: string): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#streams.delete(id);
    this.#traffic.add(stream);
    const left = (this.#counts.get(stream.session) ?? 0) - 1;
    if (stream.isLog) return;
    if (left > 0) this.#counts.set(stream.session, left);
    else this.#counts.delete(stream.session);
  }

  /** Refuses a request for a session that answers as many as it may. */
  #isBusy({ id, target: { session } }: RequestHead | SocketHead): boolean {
    const count = this.#counts.get(session) ?? 0;
    if (count < this.#limit) return false;
    const message = `the session has ${count} requests and WebSockets open, which is as many as it may have`;
    this.#edge.send({ type: "fail", id, code: "busy", message });
    return true;
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

import type { StreamKind, Traffic as Told } from "../../contract/frames.ts";
import type { AnswerSender } from "./answer.ts";
import type { SocketBridge } from "./websocket.ts";

/** A stream, whose parts count for themselves, and are asked when it is told of. */
type Counted = { sender: AnswerSender; bridge: SocketBridge | undefined };

/** An edge that forgot is told again of streams on which nothing happens, after so many times of nothing new. */
const SILENT = 5;

/** What the relay has passed on and the edge has not been told of: for the operator's metrics. */
export class Traffic {
  #toBrowser = 0;
  #toService = 0;
  #open: Record<StreamKind, number> = { http: 0, sse: 0, websocket: 0 };
  #silent = 0;

  /** A part of a request's body is on its way to the application. */
  addToService(bytes: number): void {
    this.#toService += bytes;
  }

  /** Adds what a stream has passed on since it was last asked; also when it ends. */
  add({ sender, bridge }: Counted): void {
    this.#toBrowser += sender.takeSent();
    if (bridge === undefined) return;
    const { bytes } = bridge;
    this.#toBrowser += bytes.toBrowser;
    this.#toService += bytes.toService;
    [bytes.toBrowser, bytes.toService] = [0, 0];
  }

  /** What the edge is to be told now, after which the sums begin anew; undefined: nothing that it does not know. */
  take(streams: Iterable<Counted>): Told | undefined {
    const open: Record<StreamKind, number> = { http: 0, sse: 0, websocket: 0 };
    for (const stream of streams) {
      this.add(stream);
      open[kindOf(stream)] += 1;
    }
    const told = { toBrowser: this.#toBrowser, toService: this.#toService, open };
    const isIdle = told.toBrowser + told.toService === 0 && isSame(open, this.#open);
    const hasOpen = Object.values(open).some((count) => count > 0);
    this.#silent = isIdle ? this.#silent + 1 : 0;
    if (isIdle && !(hasOpen && this.#silent % SILENT === 0)) return undefined;
    [this.#toBrowser, this.#toService, this.#open] = [0, 0, open];
    return told;
  }
}

const isSame = (left: Record<StreamKind, number>, right: Record<StreamKind, number>): boolean =>
  left.http === right.http && left.sse === right.sse && left.websocket === right.websocket;

function kindOf({ sender, bridge }: Counted): StreamKind {
  if (bridge !== undefined) return "websocket";
  return sender.isEventStream ? "sse" : "http";
}

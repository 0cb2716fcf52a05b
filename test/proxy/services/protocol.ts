/** What the suite and its services say to each other: the one place where both are typed. */

/** A request as the service saw it. `target` and `headers` are the bytes on the wire, as Latin-1. */
export type Inspection = {
  method: string;
  target: string;
  headers: [name: string, value: string][];
  /** Which of the service's connections it came on, counted from 1. */
  connection: number;
  body: { length: number; sha256: string; trailers: [string, string][] };
};

/** What `/answer` is to answer. In header values `{host}`, `{port}` and `{prefix}` stand for the service's own. */
export type AnswerSpec = {
  status?: number;
  reason?: string;
  headers?: [name: string, value: string][];
  /** Base64. */
  body?: string;
  trailers?: [string, string][];
  /** Sends `103 Early Hints` and `102 Processing` before the answer. */
  interim?: boolean;
  /** Base64: these bytes instead of an answer, and the connection's end unless it is to `stayOpen`. */
  raw?: string;
  stayOpen?: boolean;
};

/** An exchange that the suite watches or steers while it lasts, by a key of its own choosing. */
export type HeldState = {
  open: boolean;
  /** Both sides ended it as the protocol has it. False while open. */
  clean: boolean;
  /** Payload bytes, and for WebSockets messages, since its start. */
  received: number;
  sent: number;
  messagesReceived: number;
  /** Milliseconds since bytes last moved. */
  idleMs: number;
  pings: number;
  pongs: number;
  /** A WebSocket's close, as the service saw it. */
  close: { code: number; reason: string } | null;
};

/** What can be done to a held exchange. `write` and `writeText` take the request's body; `close` a JSON `[code, reason]`. */
export type HeldAction =
  | "write"
  | "writeText"
  | "end"
  | "destroy"
  | "reset"
  | "read"
  | "ping"
  | "close"
  | "finish";

/** What is in work at the service: the targets of its open requests, and how many WebSockets. */
export type OpenWork = { requests: string[]; sockets: number };

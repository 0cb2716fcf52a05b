/**
 * What a page and the server say to each other over the WebSocket `socket`. Binary messages are the terminal's bytes:
 * output on the way down, keys on the way up. Text messages are one JSON object each:
 */
export type ServerMessage =
  /**
   * From here on the output is that of `epoch` (one run of the server) from byte `offset`. `isFresh`: the terminal
   * begins anew, with `preamble` written first. The next `replay` bytes were output before.
   */
  | {
      type: "attach";
      epoch: string;
      offset: number;
      isFresh: boolean;
      preamble: string;
      replay: number;
    }
  /** The terminal has this size now. One page leads: its window gives the size, and it answers programs' queries. */
  | { type: "size"; columns: number; rows: number; leads: boolean }
  | { type: "title"; text: string }
  /** The shell has ended, and the session with it; the server closes next. */
  | { type: "ended"; code: number }
  /** To be answered by `pong`, so that neither end keeps a connection that is dead. */
  | { type: "ping" };

export type ClientMessage =
  /** The size that fits this page's window; the page leads from now on. */
  | { type: "resize"; columns: number; rows: number }
  /** Everything before byte `offset` is on the screen. */
  | { type: "ack"; offset: number }
  /** The page is out of sight: the shell shall not wait for it. */
  | { type: "hide" }
  | { type: "pong" };

const isSize = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 1000;

/** Reads a page's text message; undefined when it is none of those above. */
export function parseClientMessage(text: string): ClientMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || !("type" in value)) return undefined;
  if (value.type === "pong" || value.type === "hide") return { type: value.type };
  if (value.type === "ack" && "offset" in value && Number.isSafeInteger(value.offset))
    return { type: "ack", offset: Number(value.offset) };
  if (value.type !== "resize" || !("columns" in value) || !("rows" in value)) return undefined;
  const { columns, rows } = value;
  return isSize(columns) && isSize(rows) ? { type: "resize", columns, rows } : undefined;
}

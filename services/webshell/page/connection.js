/** @import { ClientMessage, ServerMessage } from "../messages.ts" */

/** Milliseconds. The first new attempt is made at once; the wait then doubles, with jitter, up to the longest. */
const FIRST_WAIT = 250;
const LONGEST_WAIT = 10_000;
/** Milliseconds: the server speaks every 25 s, so that a connection silent for longer is dead. */
const SILENCE = 75_000;
/** Code units of one message of keys. A paste may be longer than the server takes in one. */
const PIECE = 65_536;

/**
 * @typedef {object} Listener
 * @property {() => void} open
 * @property {(message: ServerMessage) => void} message
 * @property {(output: Uint8Array) => void} output
 * @property {() => void} lost
 * @property {() => void} refused who looks at the page is a guest who may not use the shell
 * @property {() => URLSearchParams} position where the page is, for the server to go on from
 */

/** The page's WebSocket, opened again whenever it is lost. */
export class Connection {
  /** @type {WebSocket | undefined} */
  #socket;
  #wait = 0;
  #isOver = false;
  #isAsking = false;
  /** @type {number | undefined} */
  #retryTimer;
  /** @type {number | undefined} */
  #silenceTimer;
  #listener;
  #encoder = new TextEncoder();

  /** @param {Listener} listener */
  constructor(listener) {
    this.#listener = listener;
    this.#open();
    // Whoever comes back to the page, or to the network, does not sit out the wait.
    addEventListener("online", () => this.retry());
    document.addEventListener("visibilitychange", () => this.retry());
  }

  /** Tries at once when the connection is lost. */
  retry() {
    if (this.#retryTimer === undefined || document.hidden) return;
    clearTimeout(this.#retryTimer);
    this.#open();
  }

  /** @param {ClientMessage} message */
  tell(message) {
    this.#send(JSON.stringify(message));
  }

  /** @param {string} keys */
  type(keys) {
    for (let at = 0; at < keys.length;) {
      // Not between the two halves of one character.
      const isSplit = /[\uD800-\uDBFF]/.test(keys.charAt(at + PIECE - 1));
      const end = at + (isSplit ? PIECE - 1 : PIECE);
      this.#send(this.#encoder.encode(keys.slice(at, end)));
      at = end;
    }
  }

  /** The session is over: the connection is not opened again. */
  end() {
    this.#isOver = true;
  }

  /** @param {string | Uint8Array<ArrayBuffer>} data */
  #send(data) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(data);
  }

  #open() {
    this.#retryTimer = undefined;
    const url = new URL("socket", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.search = this.#listener.position().toString();
    const socket = new WebSocket(url);
    let wasOpen = false;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      wasOpen = true;
      this.#wait = 0;
      this.#listener.open();
    });
    socket.addEventListener("message", ({ data }) =>
      this.#heard(socket, /** @type {string | ArrayBuffer} */ (data)),
    );
    socket.addEventListener("close", () => {
      if (!wasOpen) void this.#ask();
      this.#closed(socket);
    });
    this.#watchSilence(socket);
    this.#socket = socket;
  }

  /**
   * Asks whether this page's reader may use the shell: of a WebSocket that is refused, a script learns no status. Berth lets
   * a guest who may look make no request of a method that could change something; the server knows none at this path.
   */
  async #ask() {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      const answer = await fetch("socket", { method: "POST", signal: AbortSignal.timeout(LONGEST_WAIT) });
      const { code } = /** @type {{ code?: unknown }} */ (answer.status === 403 ? await answer.json() : {});
      if (code !== "view_only" || this.#socket?.readyState === WebSocket.OPEN) return;
      this.end();
      clearTimeout(this.#retryTimer);
      this.#retryTimer = undefined;
      this.#listener.refused();
    } catch {
      // Nobody answered, or something else than Berth did: the next attempt shows whether it is over.
    } finally {
      this.#isAsking = false;
    }
  }

  /**
   * @param {WebSocket} socket
   * @param {string | ArrayBuffer} data
   */
  #heard(socket, data) {
    this.#watchSilence(socket);
    if (typeof data !== "string") return this.#listener.output(new Uint8Array(data));
    this.#listener.message(/** @type {ServerMessage} */ (JSON.parse(data)));
  }

  /** @param {WebSocket} socket */
  #watchSilence(socket) {
    clearTimeout(this.#silenceTimer);
    // A dead connection's closing handshake takes its time too: it counts as closed at once.
    this.#silenceTimer = setTimeout(() => {
      socket.close();
      this.#closed(socket);
    }, SILENCE);
  }

  /** @param {WebSocket} socket */
  #closed(socket) {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    clearTimeout(this.#silenceTimer);
    if (this.#isOver) return;
    this.#listener.lost();
    this.#retryTimer = setTimeout(() => this.#open(), this.#wait * (0.5 + Math.random() / 2));
    this.#wait = Math.min(Math.max(FIRST_WAIT, this.#wait * 2), LONGEST_WAIT);
  }
}

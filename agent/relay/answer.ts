import { FRAME_PAYLOAD, FRAME_WINDOW, POST_SEGMENT, type AgentFrame } from "../../contract/frames.ts";
import type { StreamId } from "../../contract/ids.ts";
import type { EdgeChannel, PostSegment } from "./edge-channel.ts";

type Fail = Extract<AgentFrame, { type: "fail" }>;

/** Where an answer comes from: it is held back while the edge is behind, and ended when nobody reads any more. */
export interface AnswerSource {
  pause(): void;
  resume(): void;
  abort(): void;
}

/** A POST that got nothing new for so long is ended, so that a stream that trickles again goes by prompt frames. */
const IDLE_POST_MS = 100;

/**
 * Sends one answer to the edge as a head and a row of segments (design 4). What is small or trickles goes as frames
 * on the link; once more is waiting than a frame holds, the next segment is a POST that brings its own back-pressure.
 */
export class AnswerSender {
  readonly #id: StreamId;
  readonly #edge: EdgeChannel;
  readonly #source: AnswerSource;
  readonly #onOver: () => void;
  #head: { status: number; headers: [string, string][]; length: number | null } | undefined;
  #begun = false;
  #seq = 0;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #sentBytes = 0;
  #takenBytes = 0;
  #unacked = 0;
  #ended = false;
  #over = false;
  #scheduled = false;
  #paused = false;
  #post:
    | {
        segment: PostSegment;
        room: number;
        /** False from a write that filled the connection's buffer until that has drained. */
        flowing: boolean;
        ending: boolean;
        idle: NodeJS.Timeout | undefined;
      }
    | undefined;

  constructor(id: StreamId, edge: EdgeChannel, source: AnswerSource, onOver: () => void) {
    this.#id = id;
    this.#edge = edge;
    this.#source = source;
    this.#onOver = onOver;
  }

  /** Bytes of the body that the edge was given since this was last asked. */
  takeSent(): number {
    const sent = this.#sentBytes - this.#takenBytes;
    this.#takenBytes = this.#sentBytes;
    return sent;
  }

  get isEventStream(): boolean {
    const type = this.#head?.headers.find(([name]) => name.toLowerCase() === "content-type")?.[1];
    return type?.toLowerCase().startsWith("text/event-stream") === true;
  }

  get hasHead(): boolean {
    return this.#head !== undefined;
  }

  /** @param length the body's length in bytes, null when the service did not say */
  head(status: number, headers: [string, string][], length: number | null): void {
    if (status < 200 || status > 599) {
      this.fail("broken", `the application answered with status ${status}, which HTTP does not have`);
      this.#source.abort();
      return;
    }
    this.#head = { status, headers, length };
    this.#schedule();
  }

  /** Takes a chunk, and pauses the source when too much is waiting. */
  write(chunk: Uint8Array): void {
    if (this.#over) return;
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.byteLength;
    if (this.#post === undefined) this.#schedule();
    else this.#feed();
    if (!this.#paused && this.#pendingBytes >= FRAME_PAYLOAD) {
      this.#paused = true;
      this.#source.pause();
    }
  }

  end(): void {
    this.#ended = true;
    if (this.#post === undefined) this.#schedule();
    else this.#feed();
  }

  /** The edge has passed on `bytes` of the frames. */
  ack(bytes: number): void {
    this.#unacked = Math.max(0, this.#unacked - bytes);
    this.#schedule();
  }

  fail(code: Fail["code"], message: string): void {
    if (this.#over) return;
    this.#edge.send({ type: "fail", id: this.#id, code, message: message.slice(0, 4096) });
    this.#close();
  }

  /** Nobody reads any more, or the link is gone. */
  abort(): void {
    if (this.#over) return;
    this.#close();
    this.#source.abort();
  }

  /** Whoever reads may not any more: their side ends, too. */
  cut(message: string): void {
    if (this.#over) return;
    this.fail("broken", message);
    this.#source.abort();
  }

  #close(): void {
    this.#over = true;
    this.#pending = [];
    this.#pendingBytes = 0;
    clearTimeout(this.#post?.idle);
    this.#post?.segment.abort();
    this.#post = undefined;
    this.#onOver();
  }

  /** Frames are sent once a turn of the event loop, so that a short answer is one frame: head, body and end. */
  #schedule(): void {
    if (this.#scheduled || this.#over) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#over && this.#post === undefined) this.#flush();
    });
  }

  #flush(): void {
    if (this.#head === undefined) return;
    if (!this.#begun) this.#begin(this.#head);
    while (!this.#over && this.#pendingBytes > 0) {
      if (this.#isBulk()) {
        this.#openPost();
        return;
      }
      if (this.#unacked >= FRAME_WINDOW) return;
      const payload = this.#take(FRAME_PAYLOAD);
      this.#seq += 1;
      this.#unacked += payload.byteLength;
      const end = this.#ended && this.#pendingBytes === 0;
      this.#edge.send({ type: "segment", id: this.#id, seq: this.#seq, end }, payload);
      if (end) this.#close();
    }
    if (!this.#over && this.#ended && this.#begun && this.#pendingBytes === 0) this.#finish();
    this.#relax();
  }

  #begin(head: { status: number; headers: [string, string][]; length: number | null }): void {
    const bulk = head.length !== null && head.length > FRAME_PAYLOAD;
    const payload = bulk ? this.#take(0) : this.#take(FRAME_PAYLOAD);
    const end = this.#ended && this.#pendingBytes === 0;
    this.#begun = true;
    this.#unacked += end ? 0 : payload.byteLength;
    this.#edge.send({ type: "response", id: this.#id, ...head, end }, payload);
    if (end) this.#close();
  }

  /** More is waiting, or is known to come, than frames are meant for. */
  #isBulk(): boolean {
    const length = this.#head?.length ?? null;
    if (length !== null && length - this.#sentBytes > FRAME_PAYLOAD) return true;
    return this.#pendingBytes + this.#unacked > FRAME_PAYLOAD;
  }

  #finish(): void {
    this.#seq += 1;
    this.#edge.send({ type: "segment", id: this.#id, seq: this.#seq, end: true });
    this.#close();
  }

  #openPost(): void {
    this.#seq += 1;
    const length = this.#head?.length ?? null;
    const known = length === null ? null : Math.min(length - this.#sentBytes, POST_SEGMENT);
    const segment = this.#edge.post(this.#id, this.#seq, {
      length: known,
      onDrain: () => {
        if (this.#post !== undefined) this.#post.flowing = true;
        this.#feed();
      },
      onError: () => this.abort(),
    });
    this.#post = { segment, room: known ?? POST_SEGMENT, flowing: true, ending: false, idle: undefined };
    this.#feed();
  }

  #feed(): void {
    const post = this.#post;
    if (post === undefined || post.ending || this.#over) return;
    clearTimeout(post.idle);
    while (post.flowing && this.#pendingBytes > 0 && post.room > 0) {
      const chunk = this.#takeOne(post.room);
      post.room -= chunk.byteLength;
      post.flowing = post.segment.write(chunk);
    }
    const isDone = this.#pendingBytes === 0 && this.#ended;
    if (post.room === 0 || isDone) {
      this.#endPost();
      return;
    }
    if (!post.flowing) return;
    this.#relax();
    // A segment of known length can only end when it is full.
    if (this.#head?.length === null) post.idle = setTimeout(() => this.#endPost(), IDLE_POST_MS);
  }

  #endPost(): void {
    const post = this.#post;
    if (post === undefined || post.ending) return;
    post.ending = true;
    post.segment.end().then(
      () => {
        if (this.#over) return;
        this.#post = undefined;
        this.#unacked = 0;
        this.#flush();
      },
      () => this.abort(),
    );
  }

  #relax(): void {
    if (!this.#paused || this.#over || this.#pendingBytes >= FRAME_PAYLOAD) return;
    this.#paused = false;
    this.#source.resume();
  }

  #takeOne(limit: number): Uint8Array {
    const first = this.#pending[0] ?? new Uint8Array(0);
    if (first.byteLength <= limit) this.#pending.shift();
    else this.#pending[0] = first.subarray(limit);
    const chunk = first.subarray(0, limit);
    this.#pendingBytes -= chunk.byteLength;
    this.#sentBytes += chunk.byteLength;
    return chunk;
  }

  #take(limit: number): Uint8Array {
    const chunks: Uint8Array[] = [];
    let room = limit;
    while (room > 0 && this.#pendingBytes > 0) {
      const chunk = this.#takeOne(room);
      room -= chunk.byteLength;
      chunks.push(chunk);
    }
    return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
  }
}

import type { AgentFrame } from "../../contract/frames.ts";
import type { StreamId } from "../../contract/ids.ts";

/** One segment of an answer on its way as a POST. */
export interface PostSegment {
  /** False: wait for `onDrain` before the next chunk. */
  write(chunk: Uint8Array): boolean;
  /** Ends the segment; resolves when the edge has passed all of it on. */
  end(): Promise<void>;
  abort(): void;
}

/** What an answer uses to reach the edge: the link for frames, requests of its own for bulk. */
export interface EdgeChannel {
  send(head: AgentFrame, payload?: Uint8Array): void;
  /**
   * Opens `POST /agent/streams/<id>?seq=<seq>`.
   * @param options.length the segment's length in bytes, null when it is not known yet
   */
  post(
    id: StreamId,
    seq: number,
    options: { length: number | null; onDrain: () => void; onError: (error: Error) => void },
  ): PostSegment;
}

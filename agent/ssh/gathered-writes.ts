import { Socket } from "node:net";
import type { Duplex } from "node:stream";

type Done = (error?: Error | null) => void;

/**
 * Makes one write of all that is written to a stream within a tick. ssh2 writes a packet in three pieces: its length,
 * its content, its tag. With no-delay set these are three segments of TCP; and where the stream is a channel of another
 * connection, three packets of that, in nine pieces.
 */
export function gatherWrites(stream: Duplex): void {
  const write = stream.write.bind(stream);
  const uncork = (): void => stream.uncork();
  Object.assign(stream, {
    write: (chunk: Uint8Array): boolean => {
      if (stream.writableCorked === 0) {
        stream.cork();
        process.nextTick(uncork);
      }
      return write(chunk);
    },
  });
  if (stream instanceof Socket) return;
  // A socket hands all to writev(2); a channel of ssh2's has nothing of the kind.
  stream._writev = (chunks: { chunk: Buffer }[], done: Done): void =>
    stream._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), "utf8", done);
}

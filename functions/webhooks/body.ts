import { BerthError } from "../../contract/problem.ts";

/** What one message may hold, bytes: a launch with its inputs. */
const LIMIT = 1_048_576;

const tooLarge = (): BerthError =>
  new BerthError("payload_too_large", `a message may have at most ${LIMIT} bytes`);

/**
 * The exact bytes of a message. Reads no more than may be, whatever length the sender claims.
 * @throws BerthError `payload_too_large`
 */
export async function readBody(request: Request): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > LIMIT) throw tooLarge();
  const body: ReadableStream<Uint8Array> | null = request.body;
  const chunks: Uint8Array[] = [];
  let length = 0;
  // To leave the loop cancels the rest.
  for await (const chunk of body ?? []) {
    length += chunk.byteLength;
    if (length > LIMIT) throw tooLarge();
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

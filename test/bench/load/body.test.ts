import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Body } from "../../../bench/load/body.ts";
import { ChunkedBody, SizedBody } from "../../../bench/load/body.ts";

const chunked = (chunks: readonly Uint8Array[]): Buffer =>
  Buffer.concat([
    ...chunks.flatMap((chunk) => [
      Buffer.from(`${chunk.byteLength.toString(16)}\r\n`),
      chunk,
      Buffer.from("\r\n"),
    ]),
    Buffer.from("0\r\n\r\n"),
  ]);

/** Gives `wire` to the body in reads of the given sizes; returns what it left of the last one. */
function read(body: Body, wire: Buffer, sizes: readonly number[]): number {
  let left = 0;
  for (let at = 0, turn = 0; at < wire.byteLength; turn += 1) {
    const chunk = wire.subarray(at, at + (sizes[turn % sizes.length] ?? 1));
    left = chunk.byteLength - body.take(chunk, 0);
    at += chunk.byteLength;
  }
  return left;
}

const reads = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 });

describe("a chunked body", () => {
  it("is counted to its last byte, however the reads cut it", () => {
    const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }));
    fc.assert(
      fc.property(chunks, reads, (parts, sizes) => {
        const body = new ChunkedBody();
        expect(read(body, chunked(parts), sizes)).toBe(0);
        expect(body.received).toBe(parts.reduce((sum, part) => sum + part.byteLength, 0));
        expect(body.ended).toBe(true);
      }),
    );
  });

  it("has not ended before its last chunk", () => {
    const body = new ChunkedBody();
    read(body, Buffer.from("3\r\nabc\r\n"), [100]);
    expect(body).toMatchObject({ received: 3, ended: false });
  });

  it("is refused when a size is no number", () => {
    expect(() => read(new ChunkedBody(), Buffer.from("no\r\n"), [100])).toThrow(
      "not the size of a chunk: no",
    );
  });
});

describe("a sized body", () => {
  it("takes its length and leaves the rest", () => {
    const body = new SizedBody(10);
    expect(read(body, Buffer.alloc(14), [100])).toBe(4);
    expect(body).toMatchObject({ received: 10, ended: true });
  });

  it("of length 0 has ended before it began", () => {
    expect(new SizedBody(0).ended).toBe(true);
  });
});

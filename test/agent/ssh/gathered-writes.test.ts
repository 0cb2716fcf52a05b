import { once } from "node:events";
import { Duplex } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import { gatherWrites } from "../../../agent/ssh/gathered-writes.ts";

/** A stream that keeps what each of its writes was. */
function recorded() {
  const writes: string[] = [];
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      writes.push(String(chunk));
      done();
    },
  });
  gatherWrites(stream);
  return { writes, stream };
}

it("what is written within a tick is one write", async () => {
  const { writes, stream } = recorded();
  for (const piece of ["length ", "content ", "tag"]) stream.write(Buffer.from(piece));
  await turn();
  stream.write(Buffer.from("next"));
  await turn();
  expect(writes).toEqual(["length content tag", "next"]);
});

it("what is written before the end comes before the end", async () => {
  const { writes, stream } = recorded();
  stream.write(Buffer.from("last "));
  stream.end(Buffer.from("words"));
  await once(stream, "finish");
  expect(writes.join("")).toBe("last words");
});

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { RawConnection } from "../../support/raw-http.ts";
import { begin, exchange, inspect, spellHead } from "../client.ts";
import { payload, payloadHash } from "../services/payload.ts";
import type { Inspection } from "../services/protocol.ts";
import type { Stage } from "../stage.ts";

const MIB = 1_048_576;
const sha256 = (bytes: string): string => createHash("sha256").update(bytes, "latin1").digest("hex");
const CHUNKED = [["Transfer-Encoding", "chunked"]] as const;
/** RFC 9110, 10.1.1: a client that waits for `100 Continue` must not wait for ever. */
const CONTINUE_PATIENCE_MS = 1_000;

const chunk = (bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);

async function inspectionOf(connection: RawConnection): Promise<Inspection> {
  const answer = await connection.answer();
  expect(answer.status).toBe(200);
  return JSON.parse(answer.body.toString()) as Inspection;
}

export function describeRequestBodies(stage: Stage): void {
  describe("request bodies", () => {
    it.each(["POST", "PUT", "PATCH", "DELETE", "GET", "PROPFIND"])("%s carries a body", async (method) => {
      const { body } = await inspect(stage.exposed, { method, body: "some bytes" });
      expect(body).toMatchObject({ length: 10, sha256: sha256("some bytes") });
    });

    it("an empty body with its length arrives", async () => {
      expect((await inspect(stage.exposed, { method: "POST", body: "" })).body.length).toBe(0);
    });

    it("a POST without a body or a length arrives", async () => {
      expect((await inspect(stage.exposed, { method: "POST" })).body.length).toBe(0);
    });

    it("a chunked body arrives whole, whatever its chunks", async () => {
      await using connection = await begin(stage.exposed, { method: "POST", headers: CHUNKED });
      await connection.send("1\r\na\r\n00a;extension=x\r\nbcdefghijk\r\n");
      await connection.send("3\r\nl");
      await connection.send("mn\r\n0\r\n\r\n");
      const { body } = await inspectionOf(connection);
      expect(body).toMatchObject({ length: 14, sha256: sha256("abcdefghijklmn") });
    });

    it("an empty chunked body arrives", async () => {
      await using connection = await begin(stage.exposed, { method: "POST", headers: CHUNKED });
      await connection.send("0\r\n\r\n");
      expect((await inspectionOf(connection)).body.length).toBe(0);
    });

    it("trailers behind a chunked body are dropped or pass, and disturb nothing", async () => {
      await using connection = await begin(stage.exposed, {
        method: "POST",
        headers: [...CHUNKED, ["Trailer", "X-Trailer"]],
      });
      await connection.send("3\r\nabc\r\n0\r\nX-Trailer: late\r\nAuthorization: Basic late\r\n\r\n");
      const { body, headers } = await inspectionOf(connection);
      expect(body.sha256).toBe(sha256("abc"));
      expect(headers.map(([, value]) => value)).not.toContain("Basic late");
      await connection.send(spellHead(stage.exposed, {}));
      expect((await inspectionOf(connection)).method).toBe("GET");
    });

    it("a compressed body arrives as it was sent", async () => {
      const { body, headers } = await inspect(stage.exposed, {
        method: "POST",
        headers: [["Content-Encoding", "gzip"]],
        body: Buffer.from("1f8b08000000000000ff4b04000043beb7e801000000", "hex"),
      });
      expect(body.length).toBe(22);
      expect(headers.map(([name]) => name.toLowerCase())).toContain("content-encoding");
    });

    it("a client that asks to continue gets its body through", async () => {
      await using connection = await begin(stage.exposed, {
        method: "POST",
        headers: [
          ["Expect", "100-continue"],
          ["Content-Length", "4"],
        ],
      });
      const first = connection.finalHead();
      const { promise: impatience, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, CONTINUE_PATIENCE_MS);
      await Promise.race([first, impatience]);
      clearTimeout(timer);
      await connection.send("body");
      const head = await first;
      expect(head.status).toBe(200);
      let text = "";
      for await (const piece of connection.body(head)) text += piece.toString();
      expect(JSON.parse(text)).toMatchObject({ body: { length: 4, sha256: sha256("body") } });
    });

    it.each([
      [64, "with a length"],
      [16, "chunked"],
    ])("%i MiB arrive unchanged, %s", async (mebibytes, framing) => {
      const size = mebibytes * MIB;
      const chunked = framing === "chunked";
      await using connection = await begin(stage.exposed, {
        method: "PUT",
        headers: chunked ? CHUNKED : [["Content-Length", String(size)]],
      });
      for (const piece of payload("upload", size)) await connection.send(chunked ? chunk(piece) : piece);
      if (chunked) await connection.send("0\r\n\r\n");
      expect((await inspectionOf(connection)).body).toMatchObject({
        length: size,
        sha256: payloadHash("upload", size),
      });
    });

    it("sizes around the relay's and the kernel's buffers arrive unchanged", async () => {
      for (const size of [
        1,
        1_023,
        16_384,
        65_535,
        65_536,
        65_537,
        262_143,
        262_144,
        262_145,
        MIB,
        MIB + 1,
      ]) {
        const { body } = await inspect(stage.exposed, {
          method: "POST",
          body: Buffer.concat([...payload("edge", size)]),
        });
        expect(body).toMatchObject({ length: size, sha256: payloadHash("edge", size) });
      }
    });

    it("a refused body leaves the service as it was", async () => {
      const answer = await exchange(stage.exposed, {
        method: "POST",
        path: "/early",
        body: "x".repeat(100_000),
      });
      expect(answer.status).toBe(413);
      expect((await inspect(stage.exposed)).method).toBe("GET");
    });
  });
}

import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { RawConnection, valueOf, valuesOf } from "../../support/raw-http.ts";
import { answerPath, exchange, freshKey, inspect, spellHead } from "../client.ts";
import { payloadHash } from "../services/payload.ts";
import type { AnswerSpec } from "../services/protocol.ts";
import type { Stage } from "../stage.ts";
import { hashOf } from "../../support/hash-of.ts";

const MIB = 1_048_576;
const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString("base64");

const STATUSES = [
  200, 201, 202, 203, 206, 207, 226, 299, 300, 400, 401, 402, 403, 404, 405, 407, 409, 410, 412, 418, 421,
  422, 425, 428, 429, 431, 451, 499, 500, 501, 502, 503, 504, 507, 511, 599,
];

export function describeResponses(stage: Stage): void {
  const answered = (spec: AnswerSpec, headers: [string, string][] = []) =>
    exchange(stage.exposed, { path: answerPath(spec), headers });

  describe("answers", () => {
    // The reason phrase is not asserted: HTTP/2 has none, and RFC 9112, 4 tells clients to ignore it.
    it.each(STATUSES)("status %i arrives with the service's own body", async (status) => {
      const answer = await answered({ status, body: base64("the service's own") });
      expect(answer).toMatchObject({ status, body: Buffer.from("the service's own") });
    });

    it.each([204, 304])("status %i arrives without a body", async (status) => {
      const answer = await answered({ status, headers: [["ETag", '"x"']] });
      expect(answer).toMatchObject({ status, framing: "none" });
      expect(valueOf(answer.headers, "etag")).toBe('"x"');
      expect(valueOf(answer.headers, "transfer-encoding")).toBeUndefined();
    });

    it("205 arrives with an empty body", async () => {
      expect(await answered({ status: 205, headers: [["Content-Length", "0"]] })).toMatchObject({
        status: 205,
        body: Buffer.alloc(0),
      });
    });

    it("headers arrive: custom ones, long ones, repeated ones, empty ones", async () => {
      const { headers } = await answered({
        headers: [
          ["X-Custom", "some, value; with=marks"],
          ["X-Long", "v".repeat(8_192)],
          ["X-Many", "one"],
          ["X-Many", "two"],
          ["X-Empty", ""],
          ["X-Frame-Options", "SAMEORIGIN"],
          ["Content-Security-Policy", "default-src 'self'"],
          ["Cache-Control", "max-age=60"],
          ["Content-Disposition", 'attachment; filename="a b.txt"'],
          ["WWW-Authenticate", 'Basic realm="the application"'],
          ["Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT"],
        ],
      });
      expect(valueOf(headers, "x-custom")).toBe("some, value; with=marks");
      expect(valueOf(headers, "x-long")).toHaveLength(8_192);
      expect(valueOf(headers, "x-many")).toBe("one, two");
      expect(valueOf(headers, "x-empty")).toBe("");
      expect(valueOf(headers, "x-frame-options")).toBe("SAMEORIGIN");
      expect(valueOf(headers, "content-security-policy")).toContain("default-src 'self'");
      expect(valueOf(headers, "cache-control")).toContain("max-age=60");
      expect(valueOf(headers, "content-disposition")).toBe('attachment; filename="a b.txt"');
      expect(valueOf(headers, "www-authenticate")).toBe('Basic realm="the application"');
      expect(valueOf(headers, "last-modified")).toBe("Wed, 21 Oct 2015 07:28:00 GMT");
    });

    it("header bytes beyond ASCII that are UTF-8 arrive as they are", async () => {
      const value = 'attachment; filename="na\xc3\xafve.txt"';
      const { headers } = await answered({ headers: [["Content-Disposition", value]] });
      expect(valueOf(headers, "content-disposition")).toBe(value);
    });

    it("a Latin-1 byte in a header arrives as it is, or as the same character in UTF-8", async () => {
      const { headers } = await answered({
        headers: [["Content-Disposition", 'attachment; filename="na\xefve.txt"']],
      });
      expect(['attachment; filename="na\xefve.txt"', 'attachment; filename="na\xc3\xafve.txt"']).toContain(
        valueOf(headers, "content-disposition"),
      );
    });

    it("several Set-Cookie stay several", async () => {
      const { headers } = await answered({
        headers: [
          ["Set-Cookie", "first=1; Expires=Wed, 21 Oct 2065 07:28:00 GMT"],
          ["Set-Cookie", "second=2; HttpOnly"],
          ["Set-Cookie", "third=3"],
        ],
      });
      const cookies = valuesOf(headers, "set-cookie");
      expect(cookies.map((cookie) => cookie.split(";")[0])).toEqual(["first=1", "second=2", "third=3"]);
      expect(cookies[0]).toContain("Expires=Wed, 21 Oct 2065 07:28:00 GMT");
      expect(cookies[1]).toMatch(/; HttpOnly/i);
    });

    it("a content type arrives as it is, also none, also an odd one", async () => {
      for (const type of ["text/html", "text/plain; charset=iso-8859-1", "application/x-ipynb+json", "odd"]) {
        const { headers } = await answered({ headers: [["Content-Type", type]], body: base64("<p>") });
        expect(valuesOf(headers, "content-type")).toEqual([type]);
      }
      expect(valueOf((await answered({ body: base64("x") })).headers, "content-type")).toBeUndefined();
    });

    it.each([
      ["gzip", gzipSync("compressed by the service")],
      ["br", brotliCompressSync("compressed by the service")],
      ["zstd", zstdCompressSync("compressed by the service")],
      ["deflate", Buffer.from("not even deflated")],
      ["x-unknown", Buffer.from("whatever this is")],
      ["gzip, br", Buffer.from("twice")],
    ])("a body encoded as %s passes untouched, asked for or not", async (encoding, body) => {
      for (const accepted of [[], [["Accept-Encoding", encoding]], [["Accept-Encoding", "identity"]]] as [
        string,
        string,
      ][][]) {
        const answer = await answered(
          {
            headers: [
              ["Content-Type", "text/html"],
              ["Content-Encoding", encoding],
              ["Content-Length", String(body.length)],
            ],
            body: base64(body),
          },
          accepted,
        );
        expect(valueOf(answer.headers, "content-encoding")).toBe(encoding);
        expect(answer.body.equals(body)).toBe(true);
      }
    });

    it("a plain body is not compressed on the way", async () => {
      const body = "text ".repeat(4_000);
      const answer = await answered(
        {
          headers: [
            ["Content-Type", "text/html"],
            ["Content-Length", "20000"],
          ],
          body: base64(body),
        },
        [["Accept-Encoding", "gzip, deflate, br, zstd"]],
      );
      expect(valueOf(answer.headers, "content-encoding")).toBeUndefined();
      expect(valueOf(answer.headers, "content-length")).toBe("20000");
      expect(answer.body.toString()).toBe(body);
    });

    it("a known length stays known, for HEAD too", async () => {
      const path = `/download?bytes=${3 * MIB}&seed=length`;
      const head = await exchange(stage.exposed, { method: "HEAD", path });
      const get = await exchange(stage.exposed, { path });
      expect(valueOf(head.headers, "content-length")).toBe(String(3 * MIB));
      expect(valueOf(get.headers, "content-length")).toBe(String(3 * MIB));
      expect(get.framing).toBe("length");
    });

    it("an empty body with its length stays that", async () => {
      const answer = await answered({ headers: [["Content-Length", "0"]] });
      expect(answer.body).toHaveLength(0);
      expect(valueOf(answer.headers, "content-length")).toBe("0");
    });

    it("a range of a file is its part, with 206", async () => {
      const whole = await exchange(stage.exposed, { path: "/file" });
      const part = await exchange(stage.exposed, {
        path: "/file",
        headers: [["Range", "bytes=70000-79999"]],
      });
      expect(part.status).toBe(206);
      expect(valueOf(part.headers, "content-range")).toBe("bytes 70000-79999/100000");
      expect(part.body.equals(whole.body.subarray(70_000, 80_000))).toBe(true);
    });

    it("a file that the browser has is 304, with its validator", async () => {
      const first = await exchange(stage.exposed, { path: "/file" });
      const etag = valueOf(first.headers, "etag") ?? "";
      const again = await exchange(stage.exposed, { path: "/file", headers: [["If-None-Match", etag]] });
      expect(again).toMatchObject({ status: 304, body: Buffer.alloc(0) });
      expect(valueOf(again.headers, "etag")).toBe(etag);
    });

    // A row of POSTs of 64 MiB each is how a large answer goes (design 4): one more byte than one holds.
    it.each([
      [64 * MIB + 1, "length"],
      [16 * MIB, "chunked"],
    ])("%i bytes arrive unchanged (%s)", async (size, framing) => {
      const seed = freshKey();
      const path = `/download?bytes=${size}&seed=${seed}&framing=${framing}`;
      await using connection = await RawConnection.open(stage.exposed.base);
      await connection.send(spellHead(stage.exposed, { path }));
      const head = await connection.finalHead();
      expect(await hashOf(connection.body(head))).toBe(payloadHash(seed, size));
    });

    it("sizes around the relay's and the kernel's buffers arrive unchanged", async () => {
      for (const size of [0, 1, 16_384, 65_535, 65_537, 262_143, 262_144, 262_145, MIB, MIB + 1]) {
        for (const framing of ["length", "chunked"]) {
          const path = `/download?bytes=${size}&seed=edge&framing=${framing}`;
          const answer = await exchange(stage.exposed, { path });
          expect(await hashOf([answer.body])).toBe(payloadHash("edge", size));
        }
      }
    });

    it("trailers disturb nothing", async () => {
      const answer = await answered({
        headers: [["Trailer", "X-Trailer"]],
        body: base64("the body"),
        trailers: [["X-Trailer", "late"]],
      });
      expect(answer).toMatchObject({ status: 200, body: Buffer.from("the body") });
      expect(answer.trailers.every(([name]) => name.toLowerCase() === "x-trailer")).toBe(true);
    });

    it("interim answers (102, 103) pass or are dropped, and the final one arrives", async () => {
      const answer = await answered({ interim: true, body: base64("final") });
      expect(answer).toMatchObject({ status: 200, body: Buffer.from("final") });
    });

    it("many headers of a service arrive", async () => {
      const headers = Array.from({ length: 100 }, (_, index): [string, string] => [
        `X-Header-${index}`,
        `v ${index}`,
      ]);
      const answer = await answered({ headers });
      for (const [name, value] of headers) expect(valueOf(answer.headers, name)).toBe(value);
      expect((await inspect(stage.exposed)).method).toBe("GET");
    });
  });
}

import { describe, expect, it } from "vitest";
import { Cut, RawConnection } from "../../support/raw-http.ts";
import { handshake } from "../../support/raw-websocket.ts";
import { freshKey, inspect, prefixOf, seen, spellHead } from "../client.ts";
import type { Stage } from "../stage.ts";

/** A connection that says nothing for so long waits for more bytes, which is safe too. */
const QUIET_MS = 300;

/** Head lines and body of a request whose end is not where it seems. `smuggled` is a request of its own. */
export const AMBIGUOUS: readonly [string, (smuggled: string) => { headers: string[]; body: string }][] = [
  [
    "a length and chunks",
    (smuggled) => ({
      headers: [`Content-Length: ${smuggled.length + 5}`, "Transfer-Encoding: chunked"],
      body: `0\r\n\r\n${smuggled}`,
    }),
  ],
  [
    "chunks and a short length",
    (smuggled) => ({
      headers: ["Transfer-Encoding: chunked", "Content-Length: 4"],
      body: `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
    }),
  ],
  [
    "two lengths, the shorter first",
    (smuggled) => ({ headers: ["Content-Length: 0", `Content-Length: ${smuggled.length}`], body: smuggled }),
  ],
  [
    "two lengths, the longer first",
    (smuggled) => ({ headers: [`Content-Length: ${smuggled.length}`, "Content-Length: 0"], body: smuggled }),
  ],
  [
    "a list of lengths",
    (smuggled) => ({ headers: [`Content-Length: 0, ${smuggled.length}`], body: smuggled }),
  ],
  [
    "a length with a sign",
    (smuggled) => ({ headers: [`Content-Length: +${smuggled.length}`], body: smuggled }),
  ],
  ["a negative length", (smuggled) => ({ headers: ["Content-Length: -1"], body: smuggled })],
  [
    "a hexadecimal length",
    (smuggled) => ({ headers: [`Content-Length: 0x${smuggled.length.toString(16)}`], body: smuggled }),
  ],
  ["an empty length", (smuggled) => ({ headers: ["Content-Length: "], body: smuggled })],
  ["a length beyond all", (smuggled) => ({ headers: [`Content-Length: ${"9".repeat(30)}`], body: smuggled })],
  [
    "a space before the colon of a length",
    (smuggled) => ({ headers: [`Content-Length : ${smuggled.length}`], body: smuggled }),
  ],
  [
    "a space before the colon of the encoding",
    (smuggled) => ({
      headers: ["Transfer-Encoding : chunked", `Content-Length: ${smuggled.length + 5}`],
      body: `0\r\n\r\n${smuggled}`,
    }),
  ],
  [
    "an unknown encoding",
    (smuggled) => ({
      headers: ["Transfer-Encoding: xchunked", `Content-Length: ${smuggled.length + 5}`],
      body: `0\r\n\r\n${smuggled}`,
    }),
  ],
  [
    "an encoding with a tab",
    (smuggled) => ({
      headers: ["Transfer-Encoding:\tchunked", `Content-Length: ${smuggled.length + 5}`],
      body: `0\r\n\r\n${smuggled}`,
    }),
  ],
  [
    "an encoding with a vertical tab",
    (smuggled) => ({
      headers: ["Transfer-Encoding: \x0bchunked", `Content-Length: ${smuggled.length + 5}`],
      body: `0\r\n\r\n${smuggled}`,
    }),
  ],
  [
    "two encodings",
    (smuggled) => ({
      headers: [
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: identity",
        `Content-Length: ${smuggled.length + 5}`,
      ],
      body: `0\r\n\r\n${smuggled}`,
    }),
  ],
  [
    "chunked that is not last",
    (smuggled) => ({ headers: ["Transfer-Encoding: chunked, identity"], body: `0\r\n\r\n${smuggled}` }),
  ],
  [
    "identity and a length",
    (smuggled) => ({
      headers: ["Transfer-Encoding: identity", `Content-Length: ${smuggled.length}`],
      body: smuggled,
    }),
  ],
  [
    "a folded encoding",
    (smuggled) => ({
      headers: [
        "X-Folded: a\r\n b",
        "Transfer-Encoding:\r\n chunked",
        `Content-Length: ${smuggled.length + 5}`,
      ],
      body: `0\r\n\r\n${smuggled}`,
    }),
  ],
  [
    "a chunk's size beyond all",
    (smuggled) => ({
      headers: ["Transfer-Encoding: chunked"],
      body: `FFFFFFFFFFFFFFFF0\r\n${smuggled}\r\n0\r\n\r\n`,
    }),
  ],
  [
    "a chunk's size with a sign",
    (smuggled) => ({ headers: ["Transfer-Encoding: chunked"], body: `+0\r\n\r\n${smuggled}` }),
  ],
  [
    "a chunk that is longer than it says",
    (smuggled) => ({ headers: ["Transfer-Encoding: chunked"], body: `1\r\nab\r\n0\r\n\r\n${smuggled}` }),
  ],
  [
    "bare line feeds around chunks",
    (smuggled) => ({ headers: ["Transfer-Encoding: chunked"], body: `0\n\n${smuggled}` }),
  ],
  [
    "a body behind an upgrade",
    (smuggled) => ({
      headers: [...handshake().map((line) => line.join(": ")), `Content-Length: ${smuggled.length}`],
      body: smuggled,
    }),
  ],
  [
    "an upgrade and a request behind it",
    (smuggled) => ({
      headers: ["Connection: Upgrade", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"],
      body: smuggled,
    }),
  ],
  [
    "an expectation nobody knows",
    (smuggled) => ({ headers: ["Expect: 200-ok", `Content-Length: ${smuggled.length}`], body: smuggled }),
  ],
  [
    "a length that Connection names",
    (smuggled) => ({
      headers: ["Connection: Content-Length", `Content-Length: ${smuggled.length}`],
      body: smuggled,
    }),
  ],
  [
    "an encoding that Connection names",
    (smuggled) => ({
      headers: ["Connection: Transfer-Encoding", "Transfer-Encoding: chunked"],
      body: `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
    }),
  ],
  ["a plain body", (smuggled) => ({ headers: [`Content-Length: ${smuggled.length}`], body: smuggled })],
];

/** Heads that no client should send. `start` and `end` are the good beginning and end of one. */
export const BROKEN_HEADS: readonly [string, (start: string) => string][] = [
  ["a folded header", (start) => `${start}X-Folded: a\r\n b\r\n\r\n`],
  ["a header without a colon", (start) => `${start}nonsense\r\n\r\n`],
  ["a header without a name", (start) => `${start}: value\r\n\r\n`],
  ["a space within a header's name", (start) => `${start}X Y: value\r\n\r\n`],
  ["a NUL in a value", (start) => `${start}X-Nul: a\0b\r\n\r\n`],
  ["a bare carriage return in a value", (start) => `${start}X-Cr: a\rX-Injected: b\r\n\r\n`],
  ["line feeds alone", (start) => `${start}\n`.replaceAll("\r\n", "\n")],
  ["two hosts", (start) => `${start}Host: elsewhere.example\r\n\r\n`],
  ["no host", (start) => `${start.replace(/Host: .*\r\n/, "")}\r\n`],
  ["a host with a path", (start) => `${start.replace(/Host: .*\r\n/, "Host: localhost/me/22\r\n")}\r\n`],
  ["a space in the target", (start) => `${start.replace(" HTTP/1.1", " x HTTP/1.1")}\r\n`],
  ["no version", (start) => `${start.replace(" HTTP/1.1", "")}\r\n`],
  ["a version of its own", (start) => `${start.replace("HTTP/1.1", "HTTP/9.9")}\r\n`],
  ["HTTP/2's preface", () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["a TLS greeting", () => "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"],
  ["an asterisk", (start) => `${start.replace(/^GET \S+/, "OPTIONS *")}\r\n`],
  ["CONNECT", (start) => `${start.replace(/^GET \S+/, "CONNECT 127.0.0.1:22")}\r\n`],
  ["a whole foreign URL", (start) => `${start.replace(/^GET /, "GET http://elsewhere.example")}\r\n`],
];

/** Sends bytes, reads what answers there are until the proxy ends the connection or waits for more. */
export async function provoke(base: URL, bytes: string): Promise<number[]> {
  await using connection = await RawConnection.open(base);
  const statuses: number[] = [];
  const readAll = async (): Promise<void> => {
    for (;;) {
      statuses.push((await connection.answer()).status);
      if (statuses.at(-1) === 101) return;
    }
  };
  // A proxy may end the connection before it has read everything.
  await connection.send(bytes).catch(() => {});
  const reading = readAll().catch((error: unknown) => {
    if (!(error instanceof Cut)) throw error;
  });
  const { promise: quiet, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, QUIET_MS);
  await Promise.race([reading, quiet]);
  clearTimeout(timer);
  return statuses;
}

export function describeMalformedRequests(stage: Stage): void {
  const expectAlive = async (): Promise<void> => {
    expect((await inspect(stage.exposed)).method).toBe("GET");
  };

  describe("malformed requests", () => {
    it.each(AMBIGUOUS)("%s: no second request reaches the service", async (_what, spell) => {
      const mark = freshKey();
      // Without authorisation: as a request of its own the proxy would refuse it.
      const prefix = stage.strip ? "" : prefixOf(stage.exposed);
      const smuggled = `GET ${prefix}/inspect/${mark} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
      const { headers, body } = spell(smuggled);
      const head = spellHead(stage.exposed, { method: "POST" }).replace(/\r\n$/, "");
      await provoke(stage.exposed.base, `${head}${headers.map((line) => `${line}\r\n`).join("")}\r\n${body}`);
      expect(await seen(stage.exposed, mark)).toBe(0);
      await expectAlive();
    });

    it.each(BROKEN_HEADS)("%s is refused, or read as one request, and harms nobody", async (_what, spell) => {
      const mark = freshKey();
      const start = spellHead(stage.exposed, { path: `/inspect/${mark}` }).replace(/\r\n$/, "");
      const statuses = await provoke(stage.exposed.base, spell(start));
      expect(statuses.length).toBeLessThanOrEqual(1);
      expect(await seen(stage.exposed, mark)).toBeLessThanOrEqual(1);
      for (const status of statuses) expect(status === 200 || (status >= 400 && status < 600)).toBe(true);
      await expectAlive();
    });

    it.each([65_536, 1_048_576, 16_777_216])(
      "a head of %i bytes is answered or refused, and harms nobody",
      async (size) => {
        const head = spellHead(stage.exposed, {}).replace(/\r\n$/, "");
        const statuses = await provoke(stage.exposed.base, `${head}X-Huge: ${"x".repeat(size)}\r\n\r\n`);
        for (const status of statuses) expect([200, 400, 413, 414, 431, 502]).toContain(status);
        await expectAlive();
      },
    );

    it("ten thousand headers are answered or refused, and harm nobody", async () => {
      const head = spellHead(stage.exposed, {}).replace(/\r\n$/, "");
      const statuses = await provoke(stage.exposed.base, `${head}${"X-Flood: 1\r\n".repeat(10_000)}\r\n`);
      for (const status of statuses) expect([200, 400, 413, 431, 502]).toContain(status);
      await expectAlive();
    });

    it("a target of 1 MiB is answered or refused, and harms nobody", async () => {
      const statuses = await provoke(
        stage.exposed.base,
        spellHead(stage.exposed, { path: `/${"x".repeat(1_048_576)}` }),
      );
      for (const status of statuses) expect([200, 400, 413, 414, 431, 502]).toContain(status);
      await expectAlive();
    });

    it("heads that come byte by byte hold nobody else up, and are answered", async () => {
      await using connections = new AsyncDisposableStack();
      const head = spellHead(stage.exposed, {});
      const slow: RawConnection[] = [];
      for (let count = 0; count < 50; count += 1) {
        const connection = connections.use(await RawConnection.open(stage.exposed.base));
        for (const byte of head.slice(0, 20)) await connection.send(byte);
        slow.push(connection);
      }
      await expectAlive();
      for (const connection of slow) await connection.send(head.slice(20));
      for (const connection of slow) expect((await connection.answer()).status).toBe(200);
    });
  });
}

import { describe, expect, it } from "vitest";
import { Cut } from "../../support/raw-http.ts";
import { handshake } from "../../support/raw-websocket.ts";
import { answerPath, exchange, inspect } from "../client.ts";
import type { Stage } from "../stage.ts";

/** Answers that no service should give. */
const BROKEN_ANSWERS: readonly [string, string][] = [
  [
    "a length and chunks",
    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
  ],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 4\r\n\r\nokok"],
  ["a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nok"],
  ["a folded header", "HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\nContent-Length: 2\r\n\r\nok"],
  ["a header without a colon", "HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\nok"],
  ["a header's name that is none", "HTTP/1.1 200 OK\r\nX@(Y): z\r\nContent-Length: 2\r\n\r\nok"],
  ["a NUL in a value", "HTTP/1.1 200 OK\r\nX-Nul: a\0b\r\nContent-Length: 2\r\n\r\nok"],
  [
    "a bare carriage return in a value",
    "HTTP/1.1 200 OK\r\nX-Cr: a\rX-Injected: b\r\nContent-Length: 2\r\n\r\nok",
  ],
  ["a status line that is none", "HELLO\r\n\r\n"],
  ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n"],
  ["status 999", "HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nok"],
  ["status 600", "HTTP/1.1 600 Odd\r\nContent-Length: 2\r\n\r\nok"],
  ["status 99", "HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\nok"],
  [
    "101 that nobody asked for",
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
  ],
  ["100 alone", "HTTP/1.1 100 Continue\r\n\r\n"],
  ["nothing", ""],
  ["a chunk that is cut", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"],
  [
    "a chunk's size that is none",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n",
  ],
  ["a body with 204", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok"],
  ["a body with 304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok"],
];

export function describeMalformedAnswers(stage: Stage): void {
  const expectAlive = async (): Promise<void> => {
    expect((await inspect(stage.exposed)).method).toBe("GET");
  };

  describe("malformed answers", () => {
    const expectHarmless = async (path: string): Promise<void> => {
      const outcome = await exchange(stage.exposed, { path }).catch((error: unknown) => {
        if (error instanceof Cut) return undefined;
        throw error;
      });
      if (outcome !== undefined) expect([200, 204, 304, 502, 503, 504]).toContain(outcome.status);
      await expectAlive();
    };

    it.each(BROKEN_ANSWERS)("a service that answers with %s harms no later request", async (_what, raw) => {
      const spec = { raw: Buffer.from(raw, "latin1").toString("base64") };
      await expectHarmless(answerPath(spec));
    });

    it.each(["other", "a b", "a, other", "A"])(
      "a service that chooses the subprotocol %j, which was not offered, is refused",
      async (imposed) => {
        const answer = await exchange(stage.exposed, {
          path: `/ws/echo?impose=${encodeURIComponent(imposed)}`,
          headers: [...handshake(), ["Sec-WebSocket-Protocol", "a, b"]],
        });
        expect(answer.status).toBe(502);
        await expectAlive();
      },
    );

    it("a service that answers with a head of 1 MiB harms no later request", async () => {
      await expectHarmless("/huge-head");
    });

    it("an answer that nobody asked for is never given to the next", async () => {
      const glued =
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned";
      const spec = { raw: Buffer.from(glued).toString("base64"), stayOpen: true };
      for (let count = 0; count < 5; count += 1) {
        const first = await exchange(stage.exposed, { path: answerPath(spec) }).catch(() => undefined);
        if (first?.status === 200) expect(first.body.toString()).toBe("ok");
        for (let later = 0; later < 5; later += 1) await expectAlive();
      }
    });
  });
}

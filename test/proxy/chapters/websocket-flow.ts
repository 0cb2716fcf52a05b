import { describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { HELD_LIMIT, STILL_MS, STREAM_SIZE } from "../held.ts";
import { act, freshKey, inspect, untilHeld } from "../client.ts";
import { payload } from "../services/payload.ts";
import type { Stage } from "../stage.ts";
import { Talk } from "../talk.ts";

const SOCKETS = 100;

export function describeWebSocketFlow(stage: Stage): void {
  describe("WebSocket flow", () => {
    it("a client that stalls holds the service, and then gets it all", async () => {
      const key = freshKey();
      await using talk = await Talk.open(stage.exposed, `/ws/hold?key=other`);
      await using stalled = await Talk.open(stage.exposed, `/ws/flood?bytes=${STREAM_SIZE}&key=${key}`);
      stalled.socket.pause();
      const { sent } = await untilHeld(
        stage.exposed,
        key,
        "the service to be held",
        ({ sent: bytes, idleMs }) => bytes > 0 && idleMs > STILL_MS,
      );
      expect(sent).toBeLessThan(HELD_LIMIT);
      await act(stage.exposed, "other", "writeText", "not held");
      expect(await talk.nextText()).toBe("not held");
      stalled.socket.resume();
      let received = 0;
      do received += (await stalled.next()).data.length;
      while (received < STREAM_SIZE);
      expect(received).toBe(STREAM_SIZE);
    });

    it("a service that stalls holds the client, and then gets it all", async () => {
      const key = freshKey();
      await using talk = await Talk.open(stage.exposed, `/ws/stall?key=${key}`);
      let taken = 0;
      let moved = performance.now();
      const sendAll = async (): Promise<void> => {
        for (const piece of payload(key, STREAM_SIZE)) {
          await talk.send(piece);
          taken += piece.length;
          moved = performance.now();
        }
      };
      const sending = sendAll();
      sending.catch(() => {});
      await eventually(() => taken > 0 && performance.now() - moved > STILL_MS, {
        what: "the client to be held",
        timeoutMs: 20_000,
      });
      expect(taken).toBeLessThan(HELD_LIMIT);
      expect((await inspect(stage.exposed)).method).toBe("GET");
      await act(stage.exposed, key, "read");
      await sending;
      await untilHeld(
        stage.exposed,
        key,
        "all messages to arrive",
        ({ received }) => received === STREAM_SIZE,
      );
    });

    it("a hundred WebSockets at once each hear their own", async () => {
      await Promise.all(
        Array.from({ length: SOCKETS }, async (_, index) => {
          await using talk = await Talk.open(stage.exposed, "/ws/echo");
          for (let count = 0; count < 20; count += 1) {
            const text = `${index}:${count}:${"x".repeat(index * 10)}`;
            await talk.send(text);
            expect(await talk.nextText()).toBe(text);
          }
        }),
      );
    });

    it("a client that leaves while the service floods ends the flood", async () => {
      const key = freshKey();
      await using talk = await Talk.open(stage.exposed, `/ws/flood?bytes=${16 * STREAM_SIZE}&key=${key}`);
      await talk.next();
      talk.socket.terminate();
      const { sent } = await untilHeld(stage.exposed, key, "the flood to end", ({ open }) => !open);
      expect(sent).toBeLessThan(16 * STREAM_SIZE);
    });
  });
}

import { describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { hashOf } from "../../support/hash-of.ts";
import type { RawConnection } from "../../support/raw-http.ts";
import { HELD_LIMIT, STILL_MS, STREAM_SIZE } from "../held.ts";
import { act, begin, freshKey, inspect, untilHeld } from "../client.ts";
import { payload, payloadHash } from "../services/payload.ts";
import type { Stage } from "../stage.ts";

/** Writes a body and counts what the kernel has taken. */
function upload(
  connection: RawConnection,
  seed: string,
): { taken: () => number; idleMs: () => number; done: Promise<void> } {
  let taken = 0;
  let moved = performance.now();
  const write = async (): Promise<void> => {
    for (const piece of payload(seed, STREAM_SIZE)) {
      await connection.send(piece);
      taken += piece.length;
      moved = performance.now();
    }
  };
  const done = write();
  // Awaited below; a failure before that is no unhandled one.
  done.catch(() => {});
  return { taken: () => taken, idleMs: () => performance.now() - moved, done };
}

export function describeBackPressure(stage: Stage): void {
  describe("back-pressure", () => {
    it.each(["length", "chunked"])(
      "a reader that stalls holds the service, and then gets it all (%s)",
      async (framing) => {
        const key = freshKey();
        const path = `/download?bytes=${STREAM_SIZE}&seed=${key}&key=${key}&framing=${framing}`;
        await using connection = await begin(stage.exposed, { path });
        const { sent } = await untilHeld(
          stage.exposed,
          key,
          "the service to be held",
          ({ sent: bytes, idleMs }) => bytes > 0 && idleMs > STILL_MS,
        );
        expect(sent).toBeLessThan(HELD_LIMIT);
        expect((await inspect(stage.exposed)).method).toBe("GET");
        const head = await connection.finalHead();
        expect(await hashOf(connection.body(head))).toBe(payloadHash(key, STREAM_SIZE));
      },
    );

    it("a service that stalls holds the upload, and then gets it all", async () => {
      const key = freshKey();
      await using connection = await begin(stage.exposed, {
        method: "POST",
        path: `/hold?key=${key}&head=later&read=later`,
        headers: [["Content-Length", String(STREAM_SIZE)]],
      });
      const sending = upload(connection, key);
      await eventually(() => sending.taken() > 0 && sending.idleMs() > STILL_MS, {
        what: "the client to be held",
        timeoutMs: 20_000,
      });
      expect(sending.taken()).toBeLessThan(HELD_LIMIT);
      expect((await inspect(stage.exposed)).method).toBe("GET");
      await act(stage.exposed, key, "read");
      await sending.done;
      await untilHeld(stage.exposed, key, "the upload to arrive", ({ received }) => received === STREAM_SIZE);
      await act(stage.exposed, key, "end");
      expect((await connection.answer()).status).toBe(200);
    });

    it("ten stalled readers hold nobody else up", async () => {
      await using stalled = new AsyncDisposableStack();
      for (let count = 0; count < 10; count += 1)
        stalled.use(await begin(stage.exposed, { path: `/download?bytes=${STREAM_SIZE}&seed=stalled` }));
      for (let count = 0; count < 10; count += 1)
        expect((await inspect(stage.exposed, { path: `/inspect/${count}` })).method).toBe("GET");
    });
  });
}

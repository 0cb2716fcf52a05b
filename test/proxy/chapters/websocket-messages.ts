import { describe, expect, it } from "vitest";
import { hashOf } from "../../support/hash-of.ts";
import { clientFrame, handshake, OPCODE, readFrame } from "../../support/raw-websocket.ts";
import { act, begin, freshKey, untilHeld } from "../client.ts";
import { payload, payloadHash } from "../services/payload.ts";
import type { Stage } from "../stage.ts";
import { Talk } from "../talk.ts";

const MIB = 1_048_576;
/** Around the steps of a frame's length field (RFC 6455, 5.2) and of the kernel's buffers. */
const SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 262_144, MIB, 5 * MIB];

export function describeWebSocketMessages(stage: Stage): void {
  const echo = (path = "/ws/echo") => Talk.open(stage.exposed, path);

  describe("WebSocket messages", () => {
    it("text stays text and binary stays binary", async () => {
      await using talk = await echo();
      await talk.send("text: naïve €\u0000\u{1f600}");
      expect(await talk.nextText()).toBe("text: naïve €\u0000\u{1f600}");
      await talk.send(Buffer.from([0, 255, 128, 10]));
      expect(await talk.next()).toEqual({ data: Buffer.from([0, 255, 128, 10]), isBinary: true });
    });

    it("empty messages arrive as messages", async () => {
      await using talk = await echo();
      await talk.send("");
      expect(await talk.next()).toEqual({ data: Buffer.alloc(0), isBinary: false });
      await talk.send(Buffer.alloc(0));
      expect(await talk.next()).toEqual({ data: Buffer.alloc(0), isBinary: true });
    });

    it("messages of every size arrive unchanged", async () => {
      await using talk = await echo();
      for (const size of SIZES) {
        await talk.send(Buffer.concat([...payload("sizes", size)]));
        expect(await hashOf([(await talk.next()).data])).toBe(payloadHash("sizes", size));
      }
    });

    it("a message of 20 MiB goes there and back", async () => {
      await using talk = await echo();
      await talk.send(Buffer.concat([...payload("large", 20 * MIB)]));
      const { data, isBinary } = await talk.next();
      expect(isBinary).toBe(true);
      expect(await hashOf([data])).toBe(payloadHash("large", 20 * MIB));
    });

    it("a message of 20 MiB of text goes there and back", async () => {
      await using talk = await echo();
      const text = "naïve €".repeat((20 * MIB) / 10);
      await talk.send(text);
      expect((await talk.nextText()) === text).toBe(true);
    });

    it("a message in fragments arrives as one, in both directions", async () => {
      await using talk = await echo();
      await talk.send("one ", { fin: false });
      await talk.send("two ", { fin: false });
      await talk.send("three", { fin: true });
      expect(await talk.nextText()).toBe("one two three");
      await using fragments = await echo("/ws/fragments");
      expect(await fragments.nextText()).toBe("one two three");
    });

    it("a ping between two fragments disturbs neither", async () => {
      await using connection = await begin(stage.exposed, { path: "/ws/echo", headers: handshake() });
      expect((await connection.finalHead()).status).toBe(101);
      await connection.send(clientFrame(OPCODE.text, "one ", false));
      await connection.send(clientFrame(OPCODE.ping, "are you there"));
      await connection.send(clientFrame(OPCODE.continuation, "two"));
      const frames = [await readFrame(connection), await readFrame(connection)];
      const payloads = new Map(frames.map(({ opcode, payload: bytes }) => [opcode, bytes.toString()]));
      expect(payloads.get(OPCODE.pong)).toBe("are you there");
      expect(payloads.get(OPCODE.text)).toBe("one two");
    });

    it("ten thousand small messages arrive in order, there and back", async () => {
      await using talk = await echo();
      const all = Array.from({ length: 10_000 }, (_, index) => talk.send(String(index)));
      for (let index = 0; index < 10_000; index += 1) expect(await talk.nextText()).toBe(String(index));
      await Promise.all(all);
    });

    it("ten thousand small messages of the service arrive in order", async () => {
      await using talk = await echo("/ws/count?count=10000");
      for (let index = 0; index < 10_000; index += 1) expect(await talk.nextText()).toBe(String(index));
    });

    it("a service that compresses its messages is understood", async () => {
      await using talk = await Talk.open(stage.exposed, "/ws/deflate", {
        client: { perMessageDeflate: true },
      });
      const text = "compressible ".repeat(10_000);
      await talk.send(text);
      expect((await talk.nextText()) === text).toBe(true);
    });

    it("what the service says at once is never lost", async () => {
      for (let count = 0; count < 25; count += 1) {
        await using talk = await echo("/ws/hello");
        expect(await talk.nextText()).toBe("hello");
        await talk.send("and on");
        expect(await talk.nextText()).toBe("and on");
      }
    });

    it("what the client says as soon as it may is never lost", async () => {
      for (let count = 0; count < 25; count += 1) {
        await using connection = await begin(stage.exposed, { path: "/ws/echo", headers: handshake() });
        const head = await connection.finalHead();
        await connection.send(clientFrame(OPCODE.text, "first"));
        expect(head.status).toBe(101);
        expect((await readFrame(connection)).payload.toString()).toBe("first");
      }
    });

    it("pings of the client are answered, and messages go on", async () => {
      await using talk = await echo();
      const { promise, resolve } = Promise.withResolvers<string>();
      talk.socket.once("pong", (data) => resolve(data.toString()));
      talk.socket.ping("still there?");
      expect(await promise).toBe("still there?");
      await talk.send("on");
      expect(await talk.nextText()).toBe("on");
    });

    it("pings of the service are answered, and messages go on", async () => {
      const key = freshKey();
      await using talk = await echo(`/ws/hold?key=${key}`);
      await act(stage.exposed, key, "ping", "still there?");
      await untilHeld(stage.exposed, key, "the pong", ({ pongs }) => pongs === 1);
      await act(stage.exposed, key, "writeText", "on");
      expect(await talk.nextText()).toBe("on");
    });
  });
}

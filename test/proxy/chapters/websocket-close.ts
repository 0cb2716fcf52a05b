import { describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { clientFrame, handshake, OPCODE, readFrame } from "../../support/raw-websocket.ts";
import { act, begin, freshKey, openWork, untilHeld } from "../client.ts";
import type { Stage } from "../stage.ts";
import { Talk } from "../talk.ts";

/** Codes that an endpoint may send (RFC 6455, 7.4). */
const CLOSES = [
  [1000, "done"],
  [1001, "going away"],
  [1008, ""],
  [1011, "the kernel died"],
  [3000, "registered"],
  [4000, "naïve €"],
  [4999, "x".repeat(123)],
] as const;

export function describeWebSocketClose(stage: Stage): void {
  const hold = async () => {
    const key = freshKey();
    return { key, talk: await Talk.open(stage.exposed, `/ws/hold?key=${key}`) };
  };
  const serviceClose = async (key: string) =>
    (await untilHeld(stage.exposed, key, "the close to reach the service", ({ open }) => !open)).close;

  describe("WebSocket close", () => {
    it.each(CLOSES)("the client's %i %j reaches the service", async (code, reason) => {
      const { key, talk } = await hold();
      await using _talk = talk;
      talk.socket.close(code, reason);
      expect(await serviceClose(key)).toEqual({ code, reason });
      expect((await talk.closed).code).toBe(code);
    });

    it.each(CLOSES)("the service's %i %j reaches the client", async (code, reason) => {
      const { key, talk } = await hold();
      await using _talk = talk;
      await act(stage.exposed, key, "close", JSON.stringify([code, reason]));
      expect(await talk.closed).toEqual({ code, reason });
      expect((await serviceClose(key))?.code).toBe(code);
    });

    it("a close without a code is one on the other side too", async () => {
      const fromClient = await hold();
      await using _fromClient = fromClient.talk;
      fromClient.talk.socket.close();
      expect(await serviceClose(fromClient.key)).toEqual({ code: 1005, reason: "" });
      const fromService = await hold();
      await using _fromService = fromService.talk;
      await act(stage.exposed, fromService.key, "close", "[]");
      expect(await fromService.talk.closed).toEqual({ code: 1005, reason: "" });
    });

    it.each(["terminate", "reset"] as const)(
      "a client that drops (%s) is 1006 at the service",
      async (how) => {
        const key = freshKey();
        await using connection = await begin(stage.exposed, {
          path: `/ws/hold?key=${key}`,
          headers: handshake(),
        });
        expect((await connection.finalHead()).status).toBe(101);
        await connection.send(clientFrame(OPCODE.text, "here"));
        await untilHeld(stage.exposed, key, "the message", ({ messagesReceived }) => messagesReceived === 1);
        if (how === "reset") connection.reset();
        else connection.socket.destroy();
        expect((await serviceClose(key))?.code).toBe(1006);
      },
    );

    it.each(["destroy", "reset", "finish"] as const)(
      "a service that drops (%s) is 1006 at the client",
      async (how) => {
        const { key, talk } = await hold();
        await using _talk = talk;
        await act(stage.exposed, key, how);
        expect((await talk.closed).code).toBe(1006);
      },
    );

    it("a half-open client, that ends without a Close frame, is 1006 at the service", async () => {
      const key = freshKey();
      await using connection = await begin(stage.exposed, {
        path: `/ws/hold?key=${key}`,
        headers: handshake(),
      });
      expect((await connection.finalHead()).status).toBe(101);
      connection.socket.end();
      expect((await serviceClose(key))?.code).toBe(1006);
      await connection.ended();
    });

    it("a Close frame is answered by one", async () => {
      await using connection = await begin(stage.exposed, { path: "/ws/echo", headers: handshake() });
      expect((await connection.finalHead()).status).toBe(101);
      await connection.send(clientFrame(OPCODE.close, Buffer.from([0x0f, 0xa1])));
      const frame = await readFrame(connection);
      expect(frame.opcode).toBe(OPCODE.close);
      expect(frame.payload.readUInt16BE()).toBe(0x0fa1);
    });

    it("what was said before the close arrives before it", async () => {
      const { key, talk } = await hold();
      await using _talk = talk;
      for (let index = 0; index < 20; index += 1) await act(stage.exposed, key, "writeText", String(index));
      await act(stage.exposed, key, "close", JSON.stringify([4001, "all said"]));
      for (let index = 0; index < 20; index += 1) expect(await talk.nextText()).toBe(String(index));
      expect(await talk.closed).toEqual({ code: 4001, reason: "all said" });
    });

    it("what the client said before its close arrives before it", async () => {
      const { key, talk } = await hold();
      await using _talk = talk;
      for (let index = 0; index < 100; index += 1) talk.socket.send("x".repeat(1_000));
      talk.socket.close(4002, "all said");
      expect(await serviceClose(key)).toEqual({ code: 4002, reason: "all said" });
      expect(await untilHeld(stage.exposed, key, "its state")).toMatchObject({
        messagesReceived: 100,
        clean: true,
      });
    });

    it("closed WebSockets leave nothing open at the service", async () => {
      const talks = await Promise.all(Array.from({ length: 20 }, () => Talk.open(stage.exposed, "/ws/echo")));
      for (const [index, talk] of talks.entries()) {
        if (index % 2 === 0) talk.socket.close(1000);
        else talk.socket.terminate();
      }
      await Promise.all(talks.map((talk) => talk.closed));
      await eventually(async () => (await openWork(stage.exposed)).sockets === 0, {
        what: "the service to have no WebSocket open",
        timeoutMs: 20_000,
      });
    });

    it.each([
      ["text that is not UTF-8", Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe])],
      ["a frame without a mask", Buffer.from([0x81, 0x02, 0x68, 0x69])],
      ["a reserved opcode", Buffer.from([0x83, 0x80, 0, 0, 0, 0])],
      ["a reserved bit", Buffer.from([0xf1, 0x80, 0, 0, 0, 0])],
      ["a continuation of nothing", Buffer.from([0x80, 0x80, 0, 0, 0, 0])],
      ["a fragmented ping", Buffer.from([0x09, 0x80, 0, 0, 0, 0])],
    ])("%s ends that WebSocket, or passes, and harms no other", async (_what, bytes) => {
      await using other = await Talk.open(stage.exposed, "/ws/echo");
      await using connection = await begin(stage.exposed, { path: "/ws/echo", headers: handshake() });
      expect((await connection.finalHead()).status).toBe(101);
      await connection.send(bytes);
      await connection.send(clientFrame(OPCODE.close, Buffer.from([0x03, 0xe8])));
      connection.socket.end();
      await connection.ended();
      await other.send("still here");
      expect(await other.nextText()).toBe("still here");
    });
  });
}

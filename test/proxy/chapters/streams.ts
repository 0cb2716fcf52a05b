import { describe, expect, it } from "vitest";
import { Cut, valueOf } from "../../support/raw-http.ts";
import { act, begin, exchange, freshKey, inspect, untilHeld } from "../client.ts";
import type { Stage } from "../stage.ts";

/** The next piece of a body as text; "" at its end. */
async function nextText(body: AsyncGenerator<Buffer, unknown>): Promise<string> {
  const next = await body.next();
  return next.done === true ? "" : next.value.toString();
}

export function describeStreams(stage: Stage): void {
  const hold = async (query: string, headers: [string, string][] = []) => {
    const key = freshKey();
    return { key, connection: await begin(stage.exposed, { path: `/hold?key=${key}&${query}`, headers }) };
  };

  describe("streams", () => {
    it("each event of an event stream arrives before the next is sent", async () => {
      const { key, connection } = await hold("type=text/event-stream", [["Accept", "text/event-stream"]]);
      await using _connection = connection;
      const head = await connection.finalHead();
      expect(valueOf(head.headers, "content-type")).toBe("text/event-stream");
      const body = connection.body(head);
      for (let count = 1; count <= 20; count += 1) {
        await act(stage.exposed, key, "write", `data: ${count}\n\n`);
        expect(await nextText(body)).toBe(`data: ${count}\n\n`);
      }
      await act(stage.exposed, key, "end");
      expect(await nextText(body)).toBe("");
    });

    it("the head of an event stream arrives before its first event", async () => {
      const { connection } = await hold("type=text/event-stream");
      await using _connection = connection;
      expect((await connection.finalHead()).status).toBe(200);
    });

    it("a long poll is answered when the service has something to say", async () => {
      const { key, connection } = await hold("head=later");
      await using _connection = connection;
      await act(stage.exposed, key, "write", "news");
      await act(stage.exposed, key, "end");
      const answer = await connection.answer();
      expect(answer).toMatchObject({ status: 200, body: Buffer.from("news") });
    });

    it("an answer of known length trickles as it is written", async () => {
      const { key, connection } = await hold("length=10");
      await using _connection = connection;
      const head = await connection.finalHead();
      const body = connection.body(head);
      for (const digit of "0123456789") {
        await act(stage.exposed, key, "write", digit);
        expect(await nextText(body)).toBe(digit);
      }
      expect(await nextText(body)).toBe("");
    });

    it("a large burst, a trickle and another burst stay in their order", async () => {
      const { key, connection } = await hold("type=application/octet-stream");
      await using _connection = connection;
      const body = connection.body(await connection.finalHead());
      for (const part of ["a".repeat(3_000_000), "b", "c".repeat(3_000_000), "d"]) {
        await act(stage.exposed, key, "write", part);
        let text = "";
        while (text.length < part.length) text += await nextText(body);
        expect(text === part).toBe(true);
      }
    });

    it("a request's body reaches the service while it is being sent", async () => {
      const key = freshKey();
      await using connection = await begin(stage.exposed, {
        method: "POST",
        path: `/hold?key=${key}`,
        headers: [["Transfer-Encoding", "chunked"]],
      });
      for (let count = 1; count <= 5; count += 1) {
        await connection.send("4\r\nsome\r\n");
        await untilHeld(stage.exposed, key, "the piece to arrive", ({ received }) => received === count * 4);
      }
      await connection.send("0\r\n\r\n");
      await act(stage.exposed, key, "end");
      expect((await connection.answer()).status).toBe(200);
    });

    it("an answer to an unfinished upload arrives", async () => {
      await using connection = await begin(stage.exposed, {
        method: "POST",
        path: "/early",
        headers: [["Content-Length", "1000000000"]],
      });
      await connection.send("x".repeat(65_536));
      const head = await connection.finalHead();
      expect(head.status).toBe(413);
      expect((await inspect(stage.exposed)).method).toBe("GET");
    });

    it("both directions flow at once", async () => {
      const key = freshKey();
      await using connection = await begin(stage.exposed, {
        method: "POST",
        path: `/hold?key=${key}`,
        headers: [["Transfer-Encoding", "chunked"]],
      });
      await connection.send("4\r\nping\r\n");
      const body = connection.body(await connection.finalHead());
      for (let count = 2; count <= 4; count += 1) {
        await act(stage.exposed, key, "write", "pong");
        expect(await nextText(body)).toBe("pong");
        await connection.send("4\r\nping\r\n");
        await untilHeld(stage.exposed, key, "the piece to arrive", ({ received }) => received === count * 4);
      }
    });

    it.each([
      ["of known length", "length=1000"],
      ["of unknown length", "type=text/plain"],
      ["that is an event stream", "type=text/event-stream"],
    ])("a service that dies within an answer %s is an error, not an end", async (_what, query) => {
      for (const action of ["destroy", "reset"] as const) {
        const { key, connection } = await hold(query);
        await using _connection = connection;
        const body = connection.body(await connection.finalHead());
        await act(stage.exposed, key, "write", "the beginning");
        expect(await nextText(body)).toBe("the beginning");
        await act(stage.exposed, key, action);
        await expect(nextText(body)).rejects.toBeInstanceOf(Cut);
      }
    });

    it("an answer that ends with its connection is whole", async () => {
      const raw = Buffer.from("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end").toString("base64");
      const answer = await exchange(stage.exposed, {
        path: `/answer?spec=${encodeURIComponent(JSON.stringify({ raw }))}`,
      });
      expect(answer).toMatchObject({ status: 200, body: Buffer.from("until the end") });
    });
  });
}

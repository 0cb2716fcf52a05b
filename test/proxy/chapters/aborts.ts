import { describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import type { RawConnection } from "../../support/raw-http.ts";
import { act, begin, freshKey, inspect, openWork, untilHeld } from "../client.ts";
import type { Stage } from "../stage.ts";

const GIB = 1_073_741_824;

/** The ways in which a browser goes away: closing the tab ends the connection, a lost process resets it. */
const LEAVING: readonly [string, (connection: RawConnection) => void][] = [
  ["ends", (connection) => void connection.socket.destroy()],
  ["resets", (connection) => connection.reset()],
];

export function describeAborts(stage: Stage): void {
  const untilEnded = (key: string) =>
    untilHeld(stage.exposed, key, "the service to see the end", ({ open, clean }) => !open && !clean);
  /**
   * The service sees the end at the latest when it says something: a client that has ended its own side may still
   * listen (RFC 9112, 9.6), and workerd takes one for that until a write to it fails.
   */
  const untilEndedBySaying = (key: string) =>
    eventually(async () => !(await act(stage.exposed, key, "write", "data: more\n\n")).open, {
      what: "the service to see the end when it says something",
    });

  describe("aborts", () => {
    it.each(LEAVING)(
      "a browser that leaves a download (%s its connection) ends it at the service",
      async (_how, leave) => {
        const key = freshKey();
        await using connection = await begin(stage.exposed, { path: `/download?bytes=${GIB}&key=${key}` });
        const body = connection.body(await connection.finalHead());
        await body.next();
        leave(connection);
        await untilEnded(key);
      },
    );

    it.each(LEAVING)(
      "a browser that leaves an idle event stream (%s its connection) ends it at the service",
      async (how, leave) => {
        const key = freshKey();
        await using connection = await begin(stage.exposed, {
          path: `/hold?key=${key}&type=text/event-stream`,
        });
        const body = connection.body(await connection.finalHead());
        await act(stage.exposed, key, "write", "data: 1\n\n");
        await body.next();
        leave(connection);
        await (how === "resets" ? untilEnded(key) : untilEndedBySaying(key));
      },
    );

    it.each(LEAVING)(
      "a browser that leaves before the head (%s its connection) ends the request at the service",
      async (how, leave) => {
        const key = freshKey();
        await using connection = await begin(stage.exposed, { path: `/hold?key=${key}&head=later` });
        await untilHeld(stage.exposed, key, "the request to arrive");
        leave(connection);
        await (how === "resets" ? untilEnded(key) : untilEndedBySaying(key));
      },
    );

    it.each(LEAVING)(
      "a browser that leaves an upload (%s its connection) ends it at the service",
      async (_how, leave) => {
        const key = freshKey();
        await using connection = await begin(stage.exposed, {
          method: "POST",
          path: `/hold?key=${key}&head=later`,
          headers: [["Content-Length", String(GIB)]],
        });
        await connection.send("x".repeat(300_000));
        await untilHeld(stage.exposed, key, "the upload to arrive", ({ received }) => received === 300_000);
        leave(connection);
        await untilEnded(key);
      },
    );

    it("a browser that leaves an upload that the service does not read ends it at the service", async () => {
      const key = freshKey();
      await using connection = await begin(stage.exposed, {
        method: "POST",
        path: `/hold?key=${key}&head=later&read=later`,
        headers: [["Content-Length", String(GIB)]],
      });
      await connection.send("x".repeat(300_000));
      await untilHeld(stage.exposed, key, "the request to arrive");
      connection.socket.destroy();
      await act(stage.exposed, key, "read");
      await untilEnded(key);
    });

    it("fifty aborted requests leave nothing open at the service", async () => {
      const mark = freshKey();
      await Promise.all(
        Array.from({ length: 50 }, async (_, index) => {
          const behaviour = index % 2 === 0 ? `/download?bytes=${GIB}` : "/hold?type=text/event-stream";
          const path = `${behaviour}&mark=${mark}`;
          await using connection = await begin(stage.exposed, { path });
          await connection.finalHead();
          connection.reset();
        }),
      );
      const left = async () =>
        (await openWork(stage.exposed)).requests.filter((target) => target.includes(mark));
      await eventually(async () => (await left()).length === 0, {
        what: "the service to have none of them open",
        timeoutMs: 20_000,
      });
      expect((await inspect(stage.exposed)).method).toBe("GET");
    });
  });
}

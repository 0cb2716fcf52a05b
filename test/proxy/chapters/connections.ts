import { describe, expect, it } from "vitest";
import { RawConnection } from "../../support/raw-http.ts";
import { answerPath, freshKey, inspect, spellHead } from "../client.ts";
import type { Inspection } from "../services/protocol.ts";
import { targetOf, type Stage } from "../stage.ts";

const READ_LIMIT = 5;

export function describeConnections(stage: Stage): void {
  describe("connections", () => {
    it("one connection of the client carries many requests", async () => {
      await using connection = await RawConnection.open(stage.exposed.base);
      for (let count = 0; count < READ_LIMIT; count += 1) {
        const path = `/inspect/${freshKey()}`;
        await connection.send(spellHead(stage.exposed, { path }));
        const answer = await connection.answer();
        expect(answer.status).toBe(200);
        expect((JSON.parse(answer.body.toString()) as Inspection).target).toBe(targetOf(stage, path));
      }
    });

    it("a connection goes on after answers without a body, and after HEAD", async () => {
      await using connection = await RawConnection.open(stage.exposed.base);
      for (const [method, path, status] of [
        ["GET", answerPath({ status: 204 }), 204],
        ["HEAD", "/file", 200],
        ["POST", answerPath({ status: 304 }), 304],
        ["GET", "/inspect", 200],
      ] as const) {
        await connection.send(
          spellHead(stage.exposed, { method, path, ...(method === "POST" ? { body: "" } : {}) }),
        );
        expect((await connection.answer(method)).status).toBe(status);
      }
    });

    it("requests sent ahead are answered in their order", async () => {
      await using connection = await RawConnection.open(stage.exposed.base);
      const paths = Array.from({ length: READ_LIMIT }, () => `/inspect/${freshKey()}`);
      await connection.send(paths.map((path) => spellHead(stage.exposed, { path })).join(""));
      for (const path of paths) {
        const inspection = JSON.parse((await connection.answer()).body.toString()) as Inspection;
        expect(inspection.target).toBe(targetOf(stage, path));
      }
    });

    it("`Connection: close` ends the connection behind the answer", async () => {
      await using connection = await RawConnection.open(stage.exposed.base);
      await connection.send(spellHead(stage.exposed, { headers: [["Connection", "close"]] }));
      expect((await connection.answer()).status).toBe(200);
      await connection.ended();
    });

    it("a client that has said all and half-closes is answered, or sees the end", async () => {
      await using connection = await RawConnection.open(stage.exposed.base);
      await connection.send(spellHead(stage.exposed, { headers: [["Connection", "close"]] }));
      connection.socket.end();
      await connection.ended();
      expect((await inspect(stage.exposed)).method).toBe("GET");
    });
  });
}

export function describeUpstreamReuse(stage: Stage): void {
  it("the connections to the service are used again, whichever client asks", async () => {
    const used = new Set<number>();
    for (let count = 0; count < 20; count += 1) used.add((await inspect(stage.exposed)).connection);
    expect(used.size).toBeLessThan(5);
  });
}

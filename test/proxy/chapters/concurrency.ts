import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { hashOf } from "../../support/hash-of.ts";
import { valueOf } from "../../support/raw-http.ts";
import { exchange, freshKey, inspect } from "../client.ts";
import { payloadHash } from "../services/payload.ts";
import { targetOf, type Stage } from "../stage.ts";

const CLIENTS = 200;

export function describeConcurrency(stage: Stage): void {
  describe("concurrency", () => {
    it("two hundred requests at once are each answered with their own", async () => {
      await Promise.all(
        Array.from({ length: CLIENTS }, async (_, index) => {
          const mark = `${index}-${freshKey()}`;
          const body = mark.repeat(1 + (index % 50) * 40);
          const inspection = await inspect(stage.exposed, {
            method: "POST",
            path: `/inspect/${mark}`,
            headers: [["X-Mark", mark]],
            body,
          });
          expect(inspection.target).toBe(targetOf(stage, `/inspect/${mark}`));
          expect(valueOf(inspection.headers, "X-Mark")).toBe(mark);
          expect(inspection.body.sha256).toBe(createHash("sha256").update(body).digest("hex"));
        }),
      );
    });

    it("two hundred downloads at once of every size stay apart", async () => {
      await Promise.all(
        Array.from({ length: CLIENTS }, async (_, index) => {
          const seed = freshKey();
          const bytes = [10, 5_000, 70_000, 300_000, 1_100_000][index % 5] ?? 0;
          const framing = index % 2 === 0 ? "length" : "chunked";
          const answer = await exchange(stage.exposed, {
            path: `/download?bytes=${bytes}&seed=${seed}&framing=${framing}`,
          });
          expect(answer.status).toBe(200);
          expect(await hashOf([answer.body])).toBe(payloadHash(seed, bytes));
        }),
      );
    });
  });
}

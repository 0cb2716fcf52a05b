import { describe, expect, it } from "vitest";
import { exchange, inspect } from "../client.ts";
import type { Stage } from "../stage.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/** WebDAV and its kin (RFC 4918, RFC 3253, RFC 5323): what file browsers and calendars speak. */
const EXTENDED = ["PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "SEARCH", "REPORT"];

export function describeMethods(stage: Stage): void {
  describe("methods", () => {
    it.each([...METHODS, ...EXTENDED])("%s arrives as itself", async (method) => {
      expect((await inspect(stage.exposed, { method, body: "" })).method).toBe(method);
    });

    it("HEAD is answered with the head alone", async () => {
      const [head, get] = await Promise.all([
        exchange(stage.exposed, { method: "HEAD", path: "/file" }),
        exchange(stage.exposed, { path: "/file" }),
      ]);
      expect(head.status).toBe(200);
      expect(head.body).toHaveLength(0);
      expect(get.body).toHaveLength(100_000);
    });

    it("a method that nobody knows arrives, or is refused as not implemented", async () => {
      const answer = await exchange(stage.exposed, { method: "FROBNICATE", body: "" });
      if (answer.status === 200)
        expect(JSON.parse(answer.body.toString())).toMatchObject({ method: "FROBNICATE" });
      else expect([400, 405, 501]).toContain(answer.status);
    });
  });
}

import { describe, expect, it } from "vitest";
import { valueOf } from "../../support/raw-http.ts";
import { inspect } from "../client.ts";
import type { Stage } from "../stage.ts";

export function describeRequestHeaders(stage: Stage): void {
  describe("request headers", () => {
    const seenHeader = async (name: string, values: readonly string[]): Promise<string | undefined> => {
      const headers = values.map((value) => [name, value] as const);
      return valueOf((await inspect(stage.exposed, { headers })).headers, name);
    };

    it.each([
      ["a custom header", "X-Custom", "some, value; with=marks"],
      ["a header with underscores", "X_Custom_Name", "underscored"],
      ["an Accept with weights", "Accept", "text/html;q=0.8,*/*;q=0.1"],
      ["an Accept-Encoding nobody would send", "Accept-Encoding", "br;q=0.1, x-unknown, identity;q=0"],
      ["a User-Agent", "User-Agent", "Tester/1.0 (+none)"],
      ["a Referer", "Referer", "http://elsewhere.example/page"],
      ["a Range with several parts", "Range", "bytes=0-1,5-6"],
      ["a conditional", "If-None-Match", 'W/"a", "b"'],
      ["the application's XSRF token", "X-XSRFToken", "2|1234|abcd"],
      ["a fetch's metadata", "Sec-Fetch-Mode", "cors"],
    ])("%s arrives", async (_what, name, value) => {
      expect(await seenHeader(name, [value])).toBe(value);
    });

    it("repeated headers all arrive, in their order", async () => {
      expect(await seenHeader("X-Many", ["one", "two", "three, four"])).toBe("one, two, three, four");
    });

    it("a value of 8 KiB arrives whole", async () => {
      const value = "v".repeat(8_192);
      expect(await seenHeader("X-Long", [value])).toBe(value);
    });

    it("a hundred headers arrive", async () => {
      const headers = Array.from(
        { length: 100 },
        (_, index) => [`X-Header-${index}`, `value ${index}`] as const,
      );
      const inspection = await inspect(stage.exposed, { headers });
      for (const [name, value] of headers) expect(valueOf(inspection.headers, name)).toBe(value);
    });

    it("an empty value arrives", async () => {
      expect(await seenHeader("X-Empty", [""])).toBe("");
    });

    it("bytes beyond ASCII that are UTF-8 arrive as they are", async () => {
      expect(await seenHeader("X-Bytes", ["na\xc3\xafve \xe2\x82\xac"])).toBe("na\xc3\xafve \xe2\x82\xac");
    });

    it("a Latin-1 byte arrives as it is, or marked as unreadable, and harms nothing beside it", async () => {
      // workerd reads header bytes as UTF-8, and a byte that is none becomes U+FFFD.
      const { headers } = await inspect(stage.exposed, {
        headers: [
          ["X-Bytes", "na\xefve"],
          ["X-Beside", "whole"],
        ],
      });
      expect(["na\xefve", "na\xef\xbf\xbdve"]).toContain(valueOf(headers, "X-Bytes"));
      expect(valueOf(headers, "X-Beside")).toBe("whole");
    });
  });
}

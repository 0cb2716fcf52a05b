import { isIP } from "node:net";
import { describe, expect, it } from "vitest";
import { valueOf, valuesOf, type HeaderList } from "../../support/raw-http.ts";
import { exchange, inspect, inspectUpgrade, prefixOf, type RawRequest } from "../client.ts";
import type { Inspection } from "../services/protocol.ts";
import type { Stage } from "../stage.ts";
import type { Access } from "../subject.ts";

/** A text that must not arrive by any header. */
const SPOOF = "203.0.113.66";

const SPOOFED = [
  "X-Forwarded-For",
  "X-Forwarded-Host",
  "X-Forwarded-Proto",
  "X-Forwarded-Port",
  "X-Forwarded-Prefix",
  "X-Forwarded-Server",
  "X-Forwarded-User",
  "X-Forwarded-Ssl",
  "X-Forwarded",
  "x_forwarded_for",
  "X_Forwarded_Host",
  "X-Forwarded_Proto",
  "Forwarded",
  "X-Real-IP",
  "X_Real_IP",
  "CF-Connecting-IP",
  "CF_Connecting_IP",
  "CF-Connecting-IPv6",
  "CF-Visitor",
  "CF-Ray",
  "True-Client-IP",
  "Berth-User",
];

const HOP_BY_HOP: HeaderList = [
  ["Keep-Alive", "timeout=77"],
  ["Proxy-Connection", "keep-alive"],
  ["Proxy-Authorization", "Basic cHJveHk="],
  ["Proxy-Authenticate", "Basic"],
  ["TE", "trailers, deflate;q=0.5"],
  ["Trailer", "X-Trailer"],
  ["HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA"],
];

/** The two ways in which a request's head reaches a service. */
const WAYS: readonly [string, (access: Access, request: RawRequest) => Promise<Inspection>][] = [
  ["a request", inspect],
  ["an upgrade", (access, { headers = [] }) => inspectUpgrade(access, { headers })],
];

export function describeRequestHygiene(stage: Stage): void {
  describe.each(WAYS)("hygiene of %s", (_way, arrive) => {
    it("the service sees the host that the browser asked, once", async () => {
      const { headers } = await arrive(stage.exposed, {});
      expect(valuesOf(headers, "host")).toEqual([stage.exposed.base.host]);
    });

    it("the service is told what stands before it", async () => {
      const { base } = stage.exposed;
      const { headers } = await arrive(stage.exposed, {});
      const secure = base.protocol === "https:";
      expect(valuesOf(headers, "x-forwarded-host")).toEqual([base.host]);
      expect(valuesOf(headers, "x-forwarded-proto")).toEqual([secure ? "https" : "http"]);
      expect(valuesOf(headers, "x-forwarded-port")).toEqual([base.port || (secure ? "443" : "80")]);
      expect(valuesOf(headers, "x-forwarded-for")).toHaveLength(1);
      expect(isIP(valueOf(headers, "x-forwarded-for") ?? "")).toBeGreaterThan(0);
      // A service that knows its base path would put it before its links a second time.
      expect(valuesOf(headers, "x-forwarded-prefix")).toEqual(stage.strip ? [prefixOf(stage.exposed)] : []);
    });

    it.each(SPOOFED)("a client's own %s does not arrive", async (name) => {
      const inspection = await arrive(stage.exposed, {
        headers: [
          [name, SPOOF],
          [name.toUpperCase(), `${SPOOF}, 10.0.0.1`],
        ],
      });
      expect(JSON.stringify(inspection)).not.toContain(SPOOF);
    });

    it("headers of the connection end with it", async () => {
      const { headers } = await arrive(stage.exposed, { headers: HOP_BY_HOP });
      for (const [name, value] of HOP_BY_HOP) expect(valuesOf(headers, name)).not.toContain(value);
    });
  });

  describe("request hygiene", () => {
    it("headers that Connection names end with it", async () => {
      const { headers } = await inspect(stage.exposed, {
        headers: [
          ["Connection", "X-Private, keep-alive, x-also"],
          ["X-Private", "1"],
          ["X-Also", "2"],
          ["X-Other", "3"],
        ],
      });
      expect(valueOf(headers, "x-private")).toBeUndefined();
      expect(valueOf(headers, "x-also")).toBeUndefined();
      expect(valueOf(headers, "x-other")).toBe("3");
      expect(valueOf(headers, "connection") ?? "").not.toMatch(/private|also/i);
    });

    it("what the proxy says cannot be unsaid by Connection", async () => {
      const named = ["Host", "X-Forwarded-Host", "X-Forwarded-For", "X-Forwarded-Proto"];
      const { headers } = await inspect(stage.exposed, { headers: [["Connection", named.join(", ")]] });
      for (const name of named) expect(valuesOf(headers, name)).toHaveLength(1);
    });

    it.each(["Content-Length", "Transfer-Encoding"])(
      "Connection cannot unframe a body by naming %s",
      async (name) => {
        const answer = await exchange(stage.exposed, {
          method: "POST",
          headers: [["Connection", name]],
          body: "framed",
        });
        if (answer.status === 200)
          expect(JSON.parse(answer.body.toString())).toMatchObject({ body: { length: 6 } });
        else expect(answer.status).toBe(400);
      },
    );

    it("an upgrade to anything but a WebSocket is none", async () => {
      const answer = await exchange(stage.exposed, {
        headers: [
          ["Connection", "Upgrade, HTTP2-Settings"],
          ["Upgrade", "h2c"],
          ["HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA"],
        ],
      });
      expect(answer.status).not.toBe(101);
      if (answer.status !== 200) expect([400, 404, 426, 501, 502]).toContain(answer.status);
      else {
        const { headers } = JSON.parse(answer.body.toString()) as Inspection;
        expect(valueOf(headers, "upgrade")).toBeUndefined();
        expect(valueOf(headers, "http2-settings")).toBeUndefined();
      }
    });
  });
}

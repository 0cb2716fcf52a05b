import { describe, expect, it } from "vitest";
import { valueOf } from "../../support/raw-http.ts";
import { handshake } from "../../support/raw-websocket.ts";
import { begin, exchange, inspect, inspectUpgrade, upgradeAnswer } from "../client.ts";
import { targetOf, type Stage } from "../stage.ts";
import { Talk } from "../talk.ts";

const KEPT = [
  "/ws/inspect?a=%40&b=@&c=%2F&d=/",
  "/ws/inspect?q=a+b%20c%2Bd",
  "/ws/inspect?q=%",
  "/ws/inspect?a=1&a=2&b&=",
  "/ws/inspect?redirect=http://elsewhere.example/x?y=1",
  "/ws/inspect?token=a;b,c|d^e`f{}",
];

/** Upgrades to paths that no behaviour has: refused, and seen as they were. */
const KEPT_PATHS = [
  "/inspect/%2f/%2F/%5c",
  "/inspect/a@b/%40",
  "/inspect//double///triple",
  "/inspect/%25/%2525/%zz",
  "/inspect/%",
  "/inspect/a;b=c",
];

export function describeWebSocketUpgrade(stage: Stage): void {
  describe("WebSocket upgrades", () => {
    it.each(KEPT)("%j arrives byte for byte", async (path) => {
      expect((await inspectUpgrade(stage.exposed, { path })).target).toBe(targetOf(stage, path));
    });

    it.each(KEPT_PATHS)("the path %j arrives byte for byte", async (path) => {
      const answer = await upgradeAnswer(stage.exposed, { path });
      expect(answer.status).toBe(404);
      expect(valueOf(answer.headers, "x-seen-target")).toBe(targetOf(stage, path));
    });

    it("an upgrade arrives as one, with its version and a key", async () => {
      const { method, headers } = await inspectUpgrade(stage.exposed);
      expect(method).toBe("GET");
      expect(valueOf(headers, "upgrade")?.toLowerCase()).toBe("websocket");
      expect(valueOf(headers, "sec-websocket-version")).toBe("13");
      expect(valueOf(headers, "sec-websocket-key")).toHaveLength(24);
    });

    it("headers of an upgrade arrive", async () => {
      const { headers } = await inspectUpgrade(stage.exposed, {
        headers: [
          ["X-Custom", "some, value"],
          ["User-Agent", "Tester/1.0"],
          ["X-Long", "v".repeat(8_192)],
          ["Accept-Language", "de;q=0.8"],
        ],
      });
      expect(valueOf(headers, "x-custom")).toBe("some, value");
      expect(valueOf(headers, "user-agent")).toBe("Tester/1.0");
      expect(valueOf(headers, "x-long")).toHaveLength(8_192);
      expect(valueOf(headers, "accept-language")).toBe("de;q=0.8");
    });

    it.each([
      ["Connection: keep-alive, Upgrade", [["Connection", "keep-alive, Upgrade"]]],
      ["Upgrade: WebSocket", [["Upgrade", "WebSocket"]]],
    ] as [string, [string, string][]][])("a browser may spell it `%s`", async (_what, spelled) => {
      const replaced = new Set(spelled.map(([name]) => name));
      const rest = handshake().filter(([name]) => !replaced.has(name));
      await using connection = await begin(stage.exposed, {
        path: "/ws/echo",
        headers: [...spelled, ...rest],
      });
      expect((await connection.finalHead()).status).toBe(101);
    });

    it.each([
      ["the only one offered", ["chat"], "chat"],
      ["the first", ["v1.kernel.websocket.jupyter.org", "b"], "v1.kernel.websocket.jupyter.org"],
      ["the second", ["a", "binary"], "binary"],
      ["the last of many", ["a", "b", "c", "d", "e"], "e"],
    ])("the subprotocol that the service chooses is the client's: %s", async (_what, protocols, choose) => {
      await using talk = await Talk.open(stage.exposed, `/ws/echo?choose=${choose}`, { protocols });
      expect(talk.socket.protocol).toBe(choose);
      await talk.send("on");
      expect(await talk.nextText()).toBe("on");
    });

    it("a service that chooses no subprotocol has none chosen for it", async () => {
      await using connection = await begin(stage.exposed, {
        path: "/ws/echo",
        headers: [...handshake(), ["Sec-WebSocket-Protocol", "a, b"]],
      });
      const head = await connection.finalHead();
      expect(head.status).toBe(101);
      expect(valueOf(head.headers, "sec-websocket-protocol")).toBeUndefined();
    });

    it.each(["a b, c", ",,", "a,a", "é", "x".repeat(5_000)])(
      "the offer %j of subprotocols harms nobody",
      async (offer) => {
        const answer = upgradeAnswer(stage.exposed, {
          path: "/ws/refuse?status=403",
          headers: [["Sec-WebSocket-Protocol", offer]],
        });
        expect([400, 403, 502]).toContain((await answer).status);
        expect((await inspect(stage.exposed)).method).toBe("GET");
      },
    );

    it("the offered subprotocols arrive in their order", async () => {
      const { headers } = await inspectUpgrade(stage.exposed, {
        headers: [["Sec-WebSocket-Protocol", "z, a, base64.binary.k8s.io"]],
      });
      expect(valueOf(headers, "sec-websocket-protocol")?.split(/\s*,\s*/)).toEqual([
        "z",
        "a",
        "base64.binary.k8s.io",
      ]);
    });

    it.each([400, 401, 403, 404, 429, 500, 503])(
      "a service's refusal with %i arrives with its body",
      async (status) => {
        const answer = await upgradeAnswer(stage.exposed, { path: `/ws/refuse?status=${status}` });
        expect(answer).toMatchObject({ status, body: Buffer.from("the service says no") });
        expect(valueOf(answer.headers, "x-refused-by")).toBe("service");
      },
    );

    it("a service's redirect of an upgrade is not followed for it", async () => {
      const answer = await upgradeAnswer(stage.exposed, { path: "/ws/refuse?status=302" });
      expect(answer.status).toBe(302);
    });

    it("a handshake of an old version is refused", async () => {
      const answer = await exchange(stage.exposed, {
        path: "/ws/echo",
        headers: handshake().map(([name, value]) => [name, name === "Sec-WebSocket-Version" ? "7" : value]),
      });
      expect([400, 426]).toContain(answer.status);
      expect((await inspect(stage.exposed)).method).toBe("GET");
    });

    it("a handshake without a key is refused", async () => {
      const headers = handshake().filter(([name]) => name !== "Sec-WebSocket-Key");
      const answer = await exchange(stage.exposed, { path: "/ws/echo", headers });
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect((await inspect(stage.exposed)).method).toBe("GET");
    });
  });
}

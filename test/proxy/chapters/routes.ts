import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { Problem } from "../../../contract/problem.ts";
import { valueOf, type Answer } from "../../support/raw-http.ts";
import { begin, exchange, freshKey, inspect, seen, upgradeAnswer, untilHeld } from "../client.ts";
import type { Stage } from "../stage.ts";
import type { Access } from "../subject.ts";
import { Talk } from "../talk.ts";

const GIB = 1_073_741_824;

/** An answer of the proxy's own: as a page for a person, as a problem document for a program, never cached. */
async function expectBothForms(access: Access, statuses: readonly number[], path = "/x"): Promise<void> {
  const page = await exchange(access, {
    path,
    headers: [["Accept", "text/html,application/xhtml+xml,*/*;q=0.8"]],
  });
  expect(statuses).toContain(page.status);
  expect(valueOf(page.headers, "content-type")).toMatch(/^text\/html/);
  expect(page.body.toString()).toMatch(/<!doctype html>/i);
  const problem = await exchange(access, { path, headers: [["Accept", "application/json"]] });
  expectProblem(problem, statuses);
  for (const { headers } of [page, problem]) expect(valueOf(headers, "cache-control")).toMatch(/no-store/);
}

function expectProblem(answer: Answer, statuses: readonly number[]): void {
  expect(statuses).toContain(answer.status);
  expect(valueOf(answer.headers, "content-type")).toMatch(/^application\/problem\+json/);
  expect(Problem.parse(JSON.parse(answer.body.toString())).status).toBe(answer.status);
}

export function describeRoutes(stage: Stage): void {
  /** The same proxy at another path. */
  const at = (pathname: string): Access => {
    const base = new URL(stage.exposed.base);
    base.pathname = pathname;
    return { base, headers: stage.exposed.headers };
  };
  const scheme = stage.tls ? "sme" : "me";

  describe("routes", () => {
    it("a port that listens but is no session's is 404, and nothing reaches it", async () => {
      let reached = 0;
      const server = createServer((_request, response) => {
        reached += 1;
        response.end();
      }).on("upgrade", () => (reached += 1));
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      try {
        const access = at(`/${scheme}/${(server.address() as AddressInfo).port}`);
        await expectBothForms(access, [404]);
        expectProblem(await upgradeAnswer(access, { path: "/ws" }), [404]);
        expectProblem(await exchange(access, { method: "POST", path: "/x", body: "x" }), [404]);
        expect((await exchange(access, { method: "HEAD", path: "/x" })).status).toBe(404);
        expect(reached).toBe(0);
      } finally {
        server.close();
      }
    });

    it("the proxy's own port is 404", async () => {
      await expectBothForms(at(`/${scheme}/${stage.exposed.base.port || 443}`), [404]);
    });

    it("a session's port under the other scheme is not served", async () => {
      const other = at(`/${stage.tls ? "me" : "sme"}/${stage.exposed.port}`);
      expect((await exchange(other, { path: "/inspect" })).status).toBe(404);
      expect((await upgradeAnswer(other, { path: "/ws/echo" })).status).toBe(404);
    });

    it.each<[string, (port: string) => string]>([
      ["0", () => "0"],
      ["22", () => "22"],
      ["80", () => "80"],
      ["1023", () => "1023"],
      ["65536", () => "65536"],
      ["the port plus 65536", (port) => String(Number(port) + 65_536)],
      ["a number beyond all", () => "9".repeat(40)],
      ["a leading zero", (port) => `0${port}`],
      ["many leading zeros", (port) => `000${port}`],
      ["a sign", (port) => `+${port}`],
      ["a minus", (port) => `-${port}`],
      ["a fraction", (port) => `${port}.0`],
      ["an exponent", () => "5e4"],
      ["hexadecimal", (port) => `0x${Number(port).toString(16)}`],
      ["an underscore", (port) => `${port.slice(0, 2)}_${port.slice(2)}`],
      ["a user before a host", () => "80@elsewhere.example"],
      ["the port as a user", (port) => `${port}@elsewhere.example`],
      ["a host and the port", (port) => `localhost:${port}`],
      ["an address", (port) => `169.254.169.254:${port}`],
      ["a second port", (port) => `${port}:22`],
      ["a parameter", (port) => `${port};x=1`],
      ["a comma", (port) => `${port},22`],
      ["an encoded digit", (port) => `%3${port.slice(0, 1)}${port.slice(1)}`],
      ["an encoded slash behind it", (port) => `${port}%2finspect`],
      ["an encoded NUL behind it", (port) => `${port}%00`],
      ["an encoded space behind it", (port) => `${port}%20`],
      ["an encoded newline behind it", (port) => `${port}%0a`],
      ["a back slash behind it", (port) => `${port}\\inspect`],
      ["fullwidth digits", () => Buffer.from("５１４５８").toString("latin1")],
      ["encoded Arabic digits", () => encodeURIComponent("٥١٤٥٨")],
      ["nothing", () => ""],
      ["a name", () => "localhost"],
    ])("a port spelled as %s is nobody's", async (_what, spell) => {
      const mark = freshKey();
      const access = { ...at("/"), base: new URL(stage.exposed.base.origin) };
      const spelled = `/${scheme}/${spell(String(stage.exposed.port))}`;
      for (const path of [`${spelled}/${mark}`, `${spelled}?${mark}`]) {
        expect([400, 404]).toContain((await exchange(access, { path })).status);
        expect([400, 404]).toContain((await upgradeAnswer(access, { path })).status);
      }
      expect(await seen(stage.exposed, mark)).toBe(0);
    });

    it.each<[string, (prefix: string) => string]>([
      ["a doubled slash before it", (prefix) => `/${prefix}`],
      ["a doubled slash within it", (prefix) => prefix.replace(/\/(\d)/, "//$1")],
      ["capitals", (prefix) => prefix.toUpperCase()],
      ["an encoded letter", (prefix) => prefix.replace("me", "%6de")],
      ["an encoded slash", (prefix) => prefix.replace(/\/(\d)/, "%2f$1")],
      ["a folder before it", (prefix) => `/x/..${prefix}`],
      ["a back slash within it", (prefix) => prefix.replace(/\/(\d)/, "\\$1")],
      ["a dot segment within it", (prefix) => prefix.replace(/\/(\d)/, "/./$1")],
    ])("a prefix with %s is not the prefix", async (_what, spell) => {
      const mark = freshKey();
      const access = { ...at("/"), base: new URL(stage.exposed.base.origin) };
      const path = `${spell(stage.exposed.base.pathname)}/${mark}`;
      const answer = await exchange(access, { path });
      expect([400, 404]).toContain(answer.status);
      expect(await seen(stage.exposed, mark)).toBe(0);
    });

    it.each([
      "//elsewhere.example/",
      "//elsewhere.example/%2f..",
      "/\\elsewhere.example",
      "//elsewhere.example//me",
    ])("asking for %s is not answered by a redirect elsewhere", async (path) => {
      for (const access of [{ ...at("/"), base: new URL(stage.exposed.base.origin) }, stage.exposed]) {
        const { headers } = await exchange(access, { path, headers: [["Accept", "text/html"]] });
        expect(valueOf(headers, "location") ?? "").not.toMatch(/^(?:[/\\]{2}|\w+:\/\/elsewhere)/);
      }
    });

    it("dot segments, in any spelling, never lead to another session", async () => {
      const other = await stage.expose();
      try {
        for (const up of [
          "/..",
          "/%2e%2e",
          "/.%2E",
          "/..;",
          "/..%2f",
          "/..%5c",
          "/..\\",
          "/./..",
          "//..",
          "/x/../..",
        ]) {
          const mark = freshKey();
          const path = `${up}/${other.port}/${mark}`;
          const answer = await exchange(stage.exposed, { path });
          expect([200, 400, 404]).toContain(answer.status);
          await upgradeAnswer(stage.exposed, { path });
          expect(await seen(other, mark)).toBe(0);
        }
      } finally {
        await other.close();
      }
    });

    it("a service that has stopped listening is 502 or 503, in both forms, for upgrades too", async () => {
      const dead = await stage.expose();
      try {
        expect((await exchange(dead, { path: "/deafen" })).status).toBe(200);
        await expectBothForms(dead, [502, 503], "/inspect");
        expectProblem(await upgradeAnswer(dead, { path: "/ws/echo" }), [502, 503]);
        expectProblem(
          await exchange(dead, { method: "POST", path: "/inspect", body: "x".repeat(300_000) }),
          [502, 503],
        );
        expect((await exchange(dead, { method: "HEAD", path: "/inspect" })).status).toBeGreaterThanOrEqual(
          502,
        );
      } finally {
        await dead.close();
      }
    });

    it("an upgrade that the service breaks off is 502 or 503", async () => {
      expectProblem(await upgradeAnswer(stage.exposed, { path: "/ws/destroy" }), [502, 503]);
    });

    it("removing a route ends its live requests and WebSockets, and it is 404", async () => {
      const removed = await stage.expose();
      const [events, polled, flooded, stalled] = Array.from({ length: 4 }, freshKey);
      await using eventStream = await begin(removed, { path: `/hold?key=${events}&type=text/event-stream` });
      await eventStream.finalHead();
      await using longPoll = await begin(removed, { path: `/hold?key=${polled}&head=later` });
      await using download = await begin(removed, { path: `/download?bytes=${GIB}&key=${flooded}` });
      await using upload = await begin(removed, {
        method: "POST",
        path: `/hold?key=${stalled}&head=later&read=later`,
        headers: [["Content-Length", String(GIB)]],
      });
      await upload.send("x".repeat(300_000));
      for (const key of [events, polled, flooded, stalled])
        await untilHeld(removed, key ?? "", "all to be live");
      await using talk = await Talk.open(removed, "/ws/echo");
      await removed.close();
      await talk.closed;
      for (const connection of [eventStream, longPoll, download, upload]) {
        connection.socket.end();
        await connection.ended();
      }
      await expectBothForms(removed, [404]);
      expectProblem(await upgradeAnswer(removed, { path: "/ws/echo" }), [404]);
      expect((await inspect(stage.exposed)).method).toBe("GET");
    });

    it("the proxy's health is told without any authorisation", async () => {
      const { status } = await exchange(
        { base: new URL(stage.exposed.base.origin), headers: [] },
        { path: "/healthz" },
      );
      expect(status).toBe(200);
    });
  });
}

import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { Api } from "../../agent/api.ts";

/** A server that is no edge of Berth's, and what it was asked. */
class Other implements AsyncDisposable {
  readonly asked: IncomingMessage[] = [];
  readonly #server;

  private constructor(answer: RequestListener) {
    this.#server = createServer((request, response) => {
      this.asked.push(request);
      answer(request, response);
    });
  }

  static async start(answer: RequestListener): Promise<Other> {
    const other = new Other(answer);
    other.#server.listen(0, "127.0.0.1");
    await once(other.#server, "listening");
    return other;
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

const apiOf = ({ url }: Other): Api => Api.with({ edge: url, token: "berth_api_x.y", by: "login" });

describe("the command line, where something else answers in the edge's place", () => {
  it("follows it nowhere", async () => {
    await using elsewhere = await Other.start((_request, response) => response.end("{}"));
    await using proxy = await Other.start((_request, response) => {
      response.writeHead(302, { location: new URL("/login", elsewhere.url).href }).end();
    });
    await expect(apiOf(proxy).me()).rejects.toThrow(/answered 302 .*a login of its own/);
    expect(elsewhere.asked).toEqual([]);
  });

  it.each([
    ["a page", "<!doctype html><title>Log in</title>"],
    ["another API", '{"ok":true}'],
    ["nothing", ""],
  ])("says so of %s", async (_what, body) => {
    await using other = await Other.start((_request, response) => response.end(body));
    await expect(apiOf(other).me()).rejects.toMatchObject({
      code: "internal",
      message: expect.stringContaining("does not answer GET /api/me as Berth"),
    });
  });

  it("says with which status it refuses", async () => {
    await using other = await Other.start((_request, response) => {
      response.writeHead(401).end('{"status":401}');
    });
    await expect(apiOf(other).me()).rejects.toThrow("answered 401 to GET /api/me");
  });
});

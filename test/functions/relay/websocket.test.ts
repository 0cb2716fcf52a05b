import { reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EdgeFrame } from "../../../contract/frames.ts";
import { TestAgent } from "../support/agent.ts";
import { asApi, ask, CONSOLE, problemOf } from "../support/edge.ts";
import { running } from "../support/running.ts";
import { bytes, takeSocket } from "../support/streams.ts";

type Head = Extract<EdgeFrame, { type: "websocket" }>;

let agent: TestAgent;
let url: string;

beforeEach(async () => {
  agent = await TestAgent.connect();
  url = (await running(agent)).url ?? "";
});

afterEach(async () => {
  await agent[Symbol.asyncDispose]();
  await reset();
});

/** A browser's upgrade, as it reached the agent. */
async function upgrade(
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<{ head: Head; answer: Promise<Response> }> {
  const answer = ask(`${CONSOLE}${url}kernel?id=1`, {
    headers: { ...asApi, upgrade: "websocket", ...headers },
    ...(signal === undefined ? {} : { signal }),
  });
  return { head: (await agent.next("websocket")).head, answer };
}

/** Both ends of a WebSocket: the browser's, and the agent's for the service. */
async function coupled(headers?: Record<string, string>, protocol?: string): Promise<[WebSocket, WebSocket]> {
  const { head, answer } = await upgrade(headers);
  const service = await takeSocket(head.id, protocol);
  const browser = (await answer).webSocket;
  if (browser === null) throw new Error(`the edge answered ${(await answer).status}`);
  for (const socket of [browser, service]) {
    socket.binaryType = "arraybuffer";
    socket.accept({ allowHalfOpen: true });
  }
  return [browser, service];
}

const message = (socket: WebSocket): Promise<unknown> =>
  new Promise((resolve) => {
    socket.addEventListener("message", ({ data }) => resolve(data), { once: true });
  });

const closing = (socket: WebSocket): Promise<{ code: number; reason: string }> =>
  new Promise((resolve) => {
    socket.addEventListener(
      "close",
      ({ code, reason }) => {
        resolve({ code, reason });
        socket.close();
      },
      { once: true },
    );
  });

describe("a WebSocket", () => {
  it("reaches the agent as what it is, with its path and without the handshake of this hop", async () => {
    const { head, answer } = await upgrade({
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-version": "13",
      "sec-websocket-extensions": "permessage-deflate",
      "sec-websocket-protocol": "v1.kernel, v2.kernel",
    });
    expect(head).toMatchObject({ path: "/kernel?id=1", target: { kind: "port", port: 51_458, tls: false } });
    const names = head.headers.map(([name]) => name);
    expect(names).toContain("sec-websocket-protocol");
    expect(
      names.filter((name) => /^(sec-websocket-(?!protocol)|upgrade|connection|authorization)/.test(name)),
    ).toEqual([]);
    agent.send({ type: "fail", id: head.id, code: "refused", message: "enough" });
    await answer;
  });

  it("carries text and bytes both ways", async () => {
    const [browser, service] = await coupled();
    const texts = [message(service), message(browser)];
    browser.send("from the browser");
    service.send("from the service");
    expect(await Promise.all(texts)).toEqual(["from the browser", "from the service"]);
    const binary = message(service);
    browser.send(new Uint8Array([0, 255, 10]));
    expect(new Uint8Array((await binary) as ArrayBuffer)).toEqual(new Uint8Array([0, 255, 10]));
    const closed = [closing(browser), closing(service)];
    browser.close(1000);
    await Promise.all(closed);
  });

  it("gets the subprotocol that the service chose", async () => {
    const { head, answer } = await upgrade({ "sec-websocket-protocol": "v1.kernel, v2.kernel" });
    const service = await takeSocket(head.id, "v2.kernel");
    service.accept();
    const response = await answer;
    expect(response.status).toBe(101);
    expect(response.headers.get("sec-websocket-protocol")).toBe("v2.kernel");
    response.webSocket?.accept();
    response.webSocket?.close();
  });

  it.each([
    ["browser", 4001, "the tab was closed"],
    ["service", 1012, "the kernel restarts"],
  ])("closed by the %s with %i closes the other end with the same", async (from, code, reason) => {
    const [browser, service] = await coupled();
    const [near, far] = from === "browser" ? [browser, service] : [service, browser];
    const closed = closing(far);
    near.close(code, reason);
    expect(await closed).toEqual({ code, reason });
  });

  it("lives on while the object has no more to do with it", async () => {
    const [browser, service] = await coupled();
    expect(await agent.untaken()).toEqual([]);
    const echo = message(browser);
    service.send("still here");
    expect(await echo).toBe("still here");
    const closed = closing(service);
    browser.close(1000);
    await closed;
  });

  it("is taken once", async () => {
    const { head, answer } = await upgrade();
    const service = await takeSocket(head.id);
    service.accept();
    await expect(takeSocket(head.id)).rejects.toThrow("404");
    const browser = (await answer).webSocket;
    browser?.accept();
    browser?.close();
  });

  it("that the service refuses gets what the service said", async () => {
    const { head, answer } = await upgrade();
    agent.send(
      { type: "response", id: head.id, status: 403, headers: [["x-why", "no kernel"]], length: 2, end: true },
      bytes("no"),
    );
    const response = await answer;
    expect([response.status, response.headers.get("x-why"), await response.text()]).toEqual([
      403,
      "no kernel",
      "no",
    ]);
  });

  it("to a service that does not listen is a bad gateway", async () => {
    const { head, answer } = await upgrade();
    agent.send({ type: "fail", id: head.id, code: "refused", message: "the application does not listen" });
    expect(await problemOf(await answer)).toMatchObject({ status: 502, code: "bad_gateway" });
  });

  it("whose browser leaves before the service answers ends at the agent", async () => {
    const leave = new AbortController();
    const { head, answer } = await upgrade({}, leave.signal);
    leave.abort();
    await expect(answer).rejects.toThrow("abort");
    expect((await agent.next("abort")).head.id).toBe(head.id);
    await expect(takeSocket(head.id)).rejects.toThrow("404");
  });

  it("is not made of a request that asked for none", async () => {
    const answer = ask(CONSOLE + url, { headers: asApi });
    const { head } = await agent.next("request");
    await expect(takeSocket(head.id)).rejects.toThrow("400");
    agent.send(
      { type: "response", id: head.id, status: 200, headers: [], length: 2, end: true },
      bytes("ok"),
    );
    expect(await (await answer).text()).toBe("ok");
  });
});

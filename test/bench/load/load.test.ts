import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requests } from "../../../bench/load/requests.ts";
import { echo, receiveFlood, sendFlood } from "../../../bench/load/socket.ts";
import { download, upload } from "../../../bench/load/transfer.ts";
import { Program } from "../../../bench/program.ts";
import type { Target } from "../../../bench/target.ts";
import { freePort } from "../../support/free-port.ts";

const SERVICE = join(import.meta.dirname, "../../../bench/service.ts");
const MEBIBYTE = 1_048_576;

describe("the load generator, straight to the bench's service", () => {
  const stack = new AsyncDisposableStack();
  const target: Target = { name: "direct", host: "127.0.0.1", port: 0, prefix: "", headers: {} };
  const { signal } = new AbortController();

  beforeAll(async () => {
    target.port = await freePort();
    const service = stack.use(Program.start([process.execPath, SERVICE, String(target.port)]));
    const answers = async (): Promise<boolean> =>
      fetch(`http://127.0.0.1:${target.port}/`).then(
        ({ ok }) => ok,
        () => false,
      );
    await service.until(answers, { timeoutMs: 60_000, what: "answer of the service", signal });
  }, 90_000);

  afterAll(() => stack.disposeAsync());

  it("asks again and again, over every connection", async () => {
    const options = { path: "/1k", bytes: 1024, connections: 4, seconds: 0.1, signal };
    const { rate, p50, p99 } = await requests(target, options);
    expect(rate).toBeGreaterThan(0);
    expect(p50).toBeLessThanOrEqual(p99);
  });

  it("fails on another length than the one that is expected", async () => {
    const options = { path: "/1k", bytes: 1000, connections: 1, seconds: 1, signal };
    await expect(requests(target, options)).rejects.toThrow("GET /1k: 1024 bytes came, not 1000");
  });

  it("fails on another status than 200", async () => {
    const options = { path: "/nowhere", bytes: 0, connections: 1, seconds: 1, signal };
    await expect(requests(target, options)).rejects.toThrow("GET /nowhere: answered 404");
  });

  it.each([
    ["downloads", download],
    ["uploads", upload],
    ["receives WebSocket messages", receiveFlood],
    ["sends WebSocket messages", sendFlood],
  ])("%s", async (_what, transfer) => {
    expect(await transfer(target, { bytes: 4 * MEBIBYTE, signal })).toBeGreaterThan(0);
  });

  it("hears its own messages back", async () => {
    const { p50 } = await echo(target, { messages: 10, bytes: 32, signal });
    expect(p50).toBeGreaterThan(0);
  });
});

import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { type Duplex, duplexPair } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tunnelAgent } from "../../../agent/relay/tunnel-agent.ts";

let server: Server;
const opened: Duplex[] = [];

/** A channel to the server: a duplex stream that has nothing of a socket. */
async function open(): Promise<Duplex> {
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(socket, "connect");
  const [near, far] = duplexPair();
  far.pipe(socket).pipe(far);
  socket.on("error", () => far.destroy());
  opened.push(near);
  return near;
}

async function get(agent: ReturnType<typeof tunnelAgent>): Promise<string> {
  const asked = request({ host: "localhost", agent, path: "/" }).end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  return await text(response);
}

beforeEach(async () => {
  opened.length = 0;
  server = createServer((_request, response) => response.end("x".repeat(200_000)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterEach(async () => {
  server.close();
  server.closeAllConnections();
  await once(server, "close");
});

describe("connections through a tunnel", () => {
  it("go on with one channel, request after request, and leave nothing on it", async () => {
    const agent = tunnelAgent(open, false);
    expect(await get(agent)).toHaveLength(200_000);
    const listeners = (): number => opened[0]?.listenerCount("error") ?? Number.NaN;
    const first = listeners();
    for (let count = 0; count < 20; count += 1) expect(await get(agent)).toHaveLength(200_000);
    expect(opened).toHaveLength(1);
    expect(listeners()).toBe(first);
    agent.destroy();
  });

  it("make a new channel where the service has closed the idle one", async () => {
    const agent = tunnelAgent(open, false);
    await get(agent);
    const [channel] = opened;
    const closed = channel === undefined ? undefined : once(channel, "close");
    server.closeIdleConnections();
    await closed;
    expect(await get(agent)).toHaveLength(200_000);
    expect(opened).toHaveLength(2);
    agent.destroy();
  });

  it("say why a channel cannot be opened", async () => {
    const refused = Object.assign(new Error("the service does not listen"), { code: "ECONNREFUSED" });
    const agent = tunnelAgent(() => Promise.reject(refused), false);
    await expect(get(agent)).rejects.toBe(refused);
    agent.destroy();
  });
});

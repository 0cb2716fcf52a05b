import { KeyObject } from "node:crypto";
import { once } from "node:events";
import type { Connection } from "ssh2";
import { Client, Server } from "ssh2";
import { expect, it, onTestFinished } from "vitest";
import { keepKeyObjects } from "../../../agent/ssh/cipher-keys.ts";
import { tunnelSession } from "../../support/tunnel-node.ts";

const KEPT = {
  _protocol: {
    _cipher: { _encKey: expect.any(KeyObject) as KeyObject },
    _decipher: { _decipherKey: expect.any(KeyObject) as KeyObject },
  },
};

it("a connection keeps its keys as KeyObjects, after a second key exchange too", async () => {
  const algorithms = { cipher: ["aes128-gcm@openssh.com" as const] };
  const server = new Server({ hostKeys: [tunnelSession().keys.hostPrivate], algorithms });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const client = new Client();
  onTestFinished(() => void client.end());
  client.on("handshake", () => keepKeyObjects(client)).on("error", () => {});
  const connected = Promise.withResolvers<Connection>();
  server.on("connection", (connection) => {
    connection.on("error", () => {});
    connection.on("handshake", () => keepKeyObjects(connection));
    connection.on("authentication", (context) => context.accept());
    connection.on("ready", () => connected.resolve(connection));
  });
  const { port } = server.address() as { port: number };
  client.connect({ host: "127.0.0.1", port, username: "anybody", algorithms });
  const connection = await connected.promise;
  expect(connection).toMatchObject(KEPT);
  const again = Promise.all([client, connection].map((end) => once(end, "handshake")));
  connection.rekey();
  await again;
  for (const end of [client, connection]) expect(end).toMatchObject(KEPT);
  // What is enciphered with them is understood.
  await new Promise<void>((resolve) => client.exec("anything", () => resolve()));
});

it("what is no connection stays as it is", () => {
  for (const one of [{}, { _protocol: null }, { _protocol: { _cipher: { _encKey: "text" } } }]) {
    const before = JSON.stringify(one);
    keepKeyObjects(one);
    expect(JSON.stringify(one)).toBe(before);
  }
});

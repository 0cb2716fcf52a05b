import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";

const ISSUER = "https://access.example.org";
const AUDIENCE = "berth";
const HEADER = "x-access-jwt";

/** What an access proxy in front of the edge has: keys that it publishes, and a word on who each browser is. */
export class AccessProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #key: CryptoKey;

  private constructor(server: Server, key: CryptoKey) {
    this.#server = server;
    this.#key = key;
  }

  static async start(): Promise<AccessProxy> {
    const { privateKey, publicKey } = await generateKeyPair("ES256");
    const jwk: JWK = { ...(await exportJWK(publicKey)), alg: "ES256", kid: "bench" };
    const server = createServer((_request, response) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ keys: [jwk] }));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    return new AccessProxy(server, privateKey);
  }

  /** The settings of an edge behind it. */
  get bindings(): Record<string, string> {
    const { port } = this.#server.address() as AddressInfo;
    return {
      BERTH_LOGIN: "header",
      BERTH_PROXY_HEADER: HEADER,
      BERTH_PROXY_JWKS: `http://127.0.0.1:${port}/keys`,
      BERTH_PROXY_ISSUER: ISSUER,
      BERTH_PROXY_AUDIENCE: AUDIENCE,
    };
  }

  /** What it adds to a request of somebody's. */
  async headers(subject: string): Promise<Record<string, string>> {
    const jwt = await new SignJWT({ name: subject })
      .setProtectedHeader({ alg: "ES256", kid: "bench" })
      .setSubject(subject)
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setIssuedAt()
      .setExpirationTime("1h")
      .sign(this.#key);
    return { [HEADER]: jwt };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}

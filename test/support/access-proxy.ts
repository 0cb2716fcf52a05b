import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWK,
  type JWTPayload,
  SignJWT,
} from "jose";

type KeyPair = { id: string; privateKey: CryptoKey; publicKey: CryptoKey; jwk: JWK };

async function makeKeys(id: string): Promise<KeyPair> {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  return {
    id,
    privateKey,
    publicKey,
    jwk: { ...(await exportJWK(publicKey)), kid: id, alg: "ES256", use: "sig" },
  };
}

const AUDIENCE = "berth-behind-the-proxy";
const HEADER = "x-access-jwt";

/** What an access proxy has: a key, its public half at an address, and a word for each request. */
export class AccessProxy implements AsyncDisposable {
  readonly issuer = "https://proxy.example.org";
  /** How often its keys were asked for. */
  asked = 0;
  readonly #server: Server;
  readonly #strangers: KeyPair;
  readonly #keys: KeyPair;

  private constructor(server: Server, keys: KeyPair, strangers: KeyPair) {
    this.#server = server;
    this.#keys = keys;
    this.#strangers = strangers;
    server.on("request", (_request, response) => {
      this.asked += 1;
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ keys: [this.#keys.jwk] }));
    });
  }

  static async start(): Promise<AccessProxy> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new AccessProxy(server, await makeKeys("one"), await makeKeys("one"));
  }

  /** The settings of an edge behind this proxy. */
  get bindings(): Record<string, string> {
    const { port } = this.#server.address() as AddressInfo;
    return {
      BERTH_LOGIN: "header",
      BERTH_PROXY_HEADER: HEADER,
      BERTH_PROXY_JWKS: `http://127.0.0.1:${port}/certs`,
      BERTH_PROXY_ISSUER: this.issuer,
      BERTH_PROXY_AUDIENCE: `another ${AUDIENCE}`,
    };
  }

  /** What the proxy says of somebody for the next five minutes. */
  claims(subject: string, changes: JWTPayload = {}): JWTPayload {
    const now = Math.floor(Date.now() / 1000);
    const said = { name: subject.charAt(0).toUpperCase() + subject.slice(1), groups: [] };
    return { iss: this.issuer, aud: AUDIENCE, sub: subject, iat: now, exp: now + 300, ...said, ...changes };
  }

  sign(claims: JWTPayload): Promise<string> {
    return new SignJWT(claims)
      .setProtectedHeader({ alg: "ES256", kid: this.#keys.id })
      .sign(this.#keys.privateKey);
  }

  /** By somebody who is not the proxy, under the name of its key. */
  signedByAStranger(claims: JWTPayload): Promise<string> {
    return new SignJWT(claims)
      .setProtectedHeader({ alg: "ES256", kid: this.#keys.id })
      .sign(this.#strangers.privateKey);
  }

  /** With the public key as the secret of an HMAC, in the spelling of `form`. */
  async signedWithThePublicKey(claims: JWTPayload, form: "jwk" | "pem"): Promise<string> {
    const text = form === "jwk" ? JSON.stringify(this.#keys.jwk) : await exportSPKI(this.#keys.publicKey);
    return new SignJWT(claims)
      .setProtectedHeader({ alg: "HS256", kid: this.#keys.id })
      .sign(new TextEncoder().encode(text));
  }

  /** The header by which the proxy names somebody to the edge. */
  async headers(subject: string, changes: JWTPayload = {}): Promise<Record<string, string>> {
    return { [HEADER]: await this.sign(this.claims(subject, changes)) };
  }

  header(token: string): Record<string, string> {
    return { [HEADER]: token };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type CryptoKey,
  decodeJwt,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTPayload,
  SignJWT,
} from "jose";
import { Provider } from "oidc-provider";

type Key = { id: string; privateKey: CryptoKey; jwk: JWK };

/** Somebody with an account at the provider. */
export type Account = { sub: string; name: string; groups: string[] };

/** How an ID token is to differ from the provider's own; undefined: not at all. */
export type Forgery = (claims: JWTPayload) => {
  claims?: JWTPayload;
  /** Signs with a key that the provider does not publish. */
  foreignKey?: boolean;
  /** Signs not at all. */
  unsigned?: boolean;
};

export const CLIENT = { id: "berth", secret: "the-client-secret" } as const;

let keysMade = 0;

async function makeKey(): Promise<Key> {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  const id = `key-${++keysMade}`;
  return { id, privateKey, jwk: { ...(await exportJWK(privateKey)), kid: id, alg: "RS256", use: "sig" } };
}

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/**
 * A real OpenID provider on a port of its own, which asks nobody for a password: whoever `account` names logs in. At an
 * address of which the console's cookies are not: another site, as a provider is.
 */
export class OpenIdProvider implements AsyncDisposable {
  readonly issuer: string;
  /** Who logs in from now on; null: the provider refuses. */
  account: Account | null = { sub: "ana", name: "Ana", groups: [] };
  /** What becomes of the ID tokens from now on. */
  forgery: Forgery | undefined;
  /** How often its keys and its tokens were asked for. */
  readonly asked = { keys: 0, tokens: 0 };
  readonly #server: Server;
  readonly #accounts = new Map<string, Account>();
  readonly #client: object;
  #keys: Key[];
  #provider: Provider;
  #foreignKey: Key;

  private constructor(server: Server, client: object, keys: Key[], foreignKey: Key) {
    const { port } = server.address() as AddressInfo;
    this.issuer = `http://127.0.0.1:${port}`;
    this.#server = server;
    this.#client = client;
    this.#keys = keys;
    this.#foreignKey = foreignKey;
    this.#provider = this.#make();
    server.on("request", (request, response) => void this.#answer(request, response));
  }

  /** @param berth the console's origin, to which the provider sends browsers back */
  static async start(berth: string): Promise<OpenIdProvider> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = {
      client_id: CLIENT.id,
      client_secret: CLIENT.secret,
      redirect_uris: [`${berth}/login/callback`],
      post_logout_redirect_uris: [`${berth}/`],
      backchannel_logout_session_required: true,
      backchannel_logout_uri: `${berth}/logout/back-channel`,
    };
    return new OpenIdProvider(server, client, [await makeKey()], await makeKey());
  }

  /** Signs with a new key from now on; the earlier ones stay published. */
  async rotateKeys(): Promise<void> {
    this.#keys = [await makeKey(), ...this.#keys];
    this.#provider = this.#make();
  }

  /** A token that the provider itself could have signed, such as a logout token. */
  async sign(claims: JWTPayload, header: { typ?: string } = {}): Promise<string> {
    const [key] = this.#keys;
    if (key === undefined) throw new Error("the provider has no key");
    return new SignJWT(claims)
      .setProtectedHeader({ alg: "RS256", kid: key.id, ...header })
      .sign(key.privateKey);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #make(): Provider {
    return new Provider(this.issuer, {
      clients: [this.#client],
      jwks: { keys: this.#keys.map(({ jwk }) => jwk) },
      cookies: { keys: ["the-cookie-key-of-the-provider"] },
      scopes: ["openid", "profile", "groups"],
      claims: { openid: ["sub"], profile: ["name"], groups: ["groups"] },
      features: {
        devInteractions: { enabled: false },
        backchannelLogout: { enabled: true },
        rpInitiatedLogout: {
          enabled: true,
          logoutSource: (context: { body: string }, form: string) => {
            context.body = `<!doctype html><title>Log out</title>${form}<button form="op.logoutForm" name="logout" value="yes">Log out</button>`;
          },
        },
      },
      // Its own refuses loopback.
      fetch: (url: string, options: RequestInit) => {
        const { method = "GET", headers = {}, body = null } = options;
        return fetch(url, { method, headers, body });
      },
      findAccount: (_context: unknown, sub: string) => {
        const { name = sub, groups = [] } = this.#accounts.get(sub) ?? {};
        return { accountId: sub, claims: () => ({ sub, name, groups }) };
      },
      loadExistingGrant: async ({ oidc }: { oidc: GrantContext }) => {
        const grant = new oidc.provider.Grant({
          clientId: oidc.client.clientId,
          accountId: oidc.session.accountId,
        });
        grant.addOIDCScope("openid profile groups");
        await grant.save();
        return grant;
      },
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", this.issuer);
    if (pathname === "/jwks") this.asked.keys += 1;
    if (pathname.startsWith("/interaction/")) return this.#logIn(request, response);
    if (pathname !== "/token") return this.#provider.callback()(request, response);
    this.asked.tokens += 1;
    this.#forge(response);
    return this.#provider.callback()(request, response);
  }

  async #logIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { account } = this;
    if (account !== null) this.#accounts.set(account.sub, account);
    const result =
      account === null
        ? { error: "access_denied", error_description: "not today" }
        : { login: { accountId: account.sub } };
    await this.#provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  }

  /** Lets the answer through but for its ID token. */
  #forge(response: ServerResponse): void {
    const { forgery } = this;
    if (forgery === undefined) return;
    const end = response.end.bind(response);
    response.end = (body: unknown) => {
      const answer = JSON.parse(String(body)) as { id_token: string };
      void this.#forged(answer.id_token, forgery).then((token) => {
        const text = JSON.stringify({ ...answer, id_token: token });
        response.setHeader("content-length", Buffer.byteLength(text));
        end(text);
      });
      return response;
    };
  }

  async #forged(token: string, forgery: Forgery): Promise<string> {
    const own = decodeJwt(token);
    const { claims = own, foreignKey = false, unsigned = false } = forgery(own);
    if (unsigned) return `${base64url({ alg: "none" })}.${base64url(claims)}.`;
    if (!foreignKey) return this.sign(claims);
    const [published] = this.#keys;
    return new SignJWT(claims)
      .setProtectedHeader({ alg: "RS256", kid: published?.id ?? "" })
      .sign(this.#foreignKey.privateKey);
  }
}

type GrantContext = {
  client: { clientId: string };
  session: { accountId: string };
  provider: Provider;
};

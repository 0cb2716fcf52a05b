import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Me } from "../../contract/account.ts";
import { LocalEdge } from "../../local/edge.ts";
import { freePort } from "./free-port.ts";
import { HttpBrowser } from "./http-browser.ts";
import { CLIENT, OpenIdProvider } from "./openid-provider.ts";

export const SECRETS = {
  token: "the-api-token",
  agentToken: "the-agent-token",
  cookieSecret: "the-cookie-secret",
};

/** A real edge in workerd where people log in at a real OpenID provider. */
export class OidcEdge implements AsyncDisposable {
  readonly console: string;
  readonly sessions: string;
  readonly provider: OpenIdProvider;
  readonly #edge: LocalEdge;
  readonly #state: string;

  private constructor(port: number, provider: OpenIdProvider, edge: LocalEdge, state: string) {
    this.console = `http://localhost:${port}`;
    this.sessions = `http://sessions.localhost:${port}`;
    this.provider = provider;
    this.#edge = edge;
    this.#state = state;
  }

  static async start(
    options: { bindings?: Record<string, string>; attempts?: number } = {},
  ): Promise<OidcEdge> {
    const { bindings = {}, attempts = 10_000 } = options;
    const [port, state] = [await freePort(), await mkdtemp(join(tmpdir(), "berth-edge-"))];
    const provider = await OpenIdProvider.start(`http://localhost:${port}`);
    const edge = await LocalEdge.start({
      port,
      state,
      secrets: SECRETS,
      attempts,
      bindings: {
        BERTH_LOGIN: "oidc",
        BERTH_OIDC_ISSUER: provider.issuer,
        BERTH_OIDC_CLIENT_ID: CLIENT.id,
        BERTH_OIDC_CLIENT_SECRET: CLIENT.secret,
        BERTH_OIDC_SCOPE: "openid profile groups",
        ...bindings,
      },
    });
    return new OidcEdge(port, provider, edge, state);
  }

  /** A browser in which whoever the provider names has just logged in. */
  async browser(): Promise<HttpBrowser> {
    const browser = new HttpBrowser();
    await this.logIn(browser);
    return browser;
  }

  async logIn(browser: HttpBrowser): Promise<void> {
    const { response, at } = await browser.follow(`${this.console}/login`);
    const text = await response.text();
    if (response.status !== 200 || at !== `${this.console}/`)
      throw new Error(`the login ended at ${at} with ${response.status}: ${text}`);
  }

  /** Who a browser is to the console; undefined when it is nobody. */
  async whoIs(browser: HttpBrowser): Promise<Me | undefined> {
    const response = await browser.go(`${this.console}/api/me`);
    if (response.status === 200) return Me.parse(await response.json());
    await response.body?.cancel();
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#edge[Symbol.asyncDispose]();
    await this.provider[Symbol.asyncDispose]();
    await rm(this.#state, { recursive: true, force: true });
  }
}

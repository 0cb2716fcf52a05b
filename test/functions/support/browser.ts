import { api, ask } from "./edge.ts";

/** What a browser says when somebody follows a link. */
const NAVIGATION = { accept: "text/html,application/xhtml+xml" };

/** A browser: it keeps each host's cookies, and sends them there and nowhere else. */
export class Browser {
  readonly #jars = new Map<string, Map<string, string>>();
  readonly #refusing: string | undefined;

  /** @param options.refusing a host of which it keeps no cookie */
  constructor(options: { refusing?: string } = {}) {
    this.#refusing = options.refusing;
  }

  /** A browser that has followed a one-time link to the console. */
  static async loggedIn(options: { refusing?: string } = {}): Promise<Browser> {
    const browser = new Browser(options);
    await browser.logIn();
    return browser;
  }

  /** Follows a one-time link to the console. */
  async logIn(): Promise<void> {
    const response = await this.go(await loginLink());
    if (response.status !== 302) throw new Error(`login: ${response.status}`);
  }

  /** One request, its redirects not followed. */
  async go(
    url: string,
    init: Omit<RequestInit, "headers"> & { headers?: Record<string, string> } = {},
  ): Promise<Response> {
    const { host } = new URL(url);
    const cookie = this.cookies(host);
    const headers = { ...NAVIGATION, ...(cookie === "" ? {} : { cookie }), ...init.headers };
    const response = await ask(url, { ...init, headers });
    for (const set of response.headers.getSetCookie()) this.keep(host, set);
    return response;
  }

  /** Follows redirects to an answer that is none, and returns it with its address and the addresses on the way. */
  async follow(url: string): Promise<{ response: Response; at: string; way: string[] }> {
    const way: string[] = [];
    for (let at = url; way.length < 10;) {
      const response = await this.go(at);
      const location = response.headers.get("location");
      if (location === null) return { response, at, way };
      way.push(at);
      at = new URL(location, at).href;
    }
    throw new Error(`redirected too often: ${way.join(" ")}`);
  }

  /** The Cookie header that it sends to a host. */
  cookies(host: string): string {
    return [...(this.#jars.get(host) ?? [])].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** Takes a `Set-Cookie` of a host's. */
  keep(host: string, set: string): void {
    if (host === this.#refusing) return;
    const [pair = "", ...attributes] = set.split(";").map((part) => part.trim());
    const [name = "", value = ""] = pair.split(/=(.*)/s);
    const jar = this.#jars.get(host) ?? new Map<string, string>();
    this.#jars.set(host, jar);
    if (attributes.includes("Max-Age=0")) jar.delete(name);
    else jar.set(name, value);
  }
}

/** A one-time link to the console, as `berth open` gets it. */
export async function loginLink(): Promise<string> {
  const response = await api("POST", "/api/login-links");
  const { url } = await response.json<{ url: string }>();
  return url;
}

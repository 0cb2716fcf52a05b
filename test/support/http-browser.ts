import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { Readable } from "node:stream";

type Init = {
  method?: string;
  headers?: Record<string, string>;
  /** What a page of the same origin sends. */
  form?: Record<string, string>;
  json?: unknown;
};

const NAVIGATION = { accept: "text/html,application/xhtml+xml" };

/**
 * A browser without its screen: it keeps each host's cookies, whatever the port (RFC 6265, section 8.5), and goes to
 * `*.localhost` on this machine, which the system's resolver need not know.
 */
export class HttpBrowser {
  readonly #jars = new Map<string, Map<string, string>>();

  /** One request, its redirects not followed. */
  async go(address: string, init: Init = {}): Promise<Response> {
    const url = new URL(address);
    const body = bodyOf(init);
    const outgoing = request({
      host: "127.0.0.1",
      port: url.port,
      path: url.pathname + url.search,
      method: init.method ?? (body === undefined ? "GET" : "POST"),
      headers: {
        host: url.host,
        ...NAVIGATION,
        cookie: this.cookies(url.hostname),
        ...(body === undefined ? {} : { "content-type": body.type, origin: url.origin }),
        ...init.headers,
      },
    });
    // An end that comes after the answer's head is told to whoever reads the body.
    outgoing.on("error", () => undefined).end(body?.text);
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    const response = responseOf(incoming);
    for (const set of response.headers.getSetCookie()) this.keep(url.hostname, set);
    return response;
  }

  /** Follows redirects to an answer that is none; returns it with its address and the addresses on the way. */
  async follow(address: string, init: Init = {}): Promise<{ response: Response; at: string; way: string[] }> {
    const way: string[] = [];
    let response = await this.go(address, init);
    for (let at = address; way.length < 12;) {
      const location = response.headers.get("location");
      if (location === null) return { response, at, way };
      way.push(at);
      at = new URL(location, at).href;
      await response.body?.cancel();
      response = await this.go(at);
    }
    throw new Error(`redirected too often: ${way.join(" ")}`);
  }

  /** Follows redirects until one leads to an address of this kind, which is returned and not asked for. */
  async followUntil(address: string, prefix: string): Promise<string> {
    for (let at = address, hops = 0; hops < 12; hops += 1) {
      if (at.startsWith(prefix)) return at;
      const response = await this.go(at);
      const location = response.headers.get("location");
      if (location === null)
        throw new Error(`${at} answered ${response.status}, not a redirect: ${await response.text()}`);
      at = new URL(location, at).href;
    }
    throw new Error(`nothing led to ${prefix}`);
  }

  /** The Cookie header that it sends to a host. */
  cookies(hostname: string): string {
    return [...(this.#jars.get(hostname) ?? [])].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** Takes a `Set-Cookie` of a host's. */
  keep(hostname: string, set: string): void {
    const [pair = "", ...attributes] = set.split(";").map((part) => part.trim());
    const [name = "", value = ""] = pair.split(/=(.*)/s);
    const jar = this.#jars.get(hostname) ?? new Map<string, string>();
    this.#jars.set(hostname, jar);
    const isGone = attributes.some(
      (attribute) =>
        /^max-age=0$/i.test(attribute) ||
        (/^expires=/i.test(attribute) && Date.parse(attribute.slice(8)) <= Date.now()),
    );
    if (isGone) jar.delete(name);
    else jar.set(name, value);
  }
}

function bodyOf({ form, json }: Init): { type: string; text: string } | undefined {
  if (form !== undefined)
    return { type: "application/x-www-form-urlencoded", text: new URLSearchParams(form).toString() };
  return json === undefined ? undefined : { type: "application/json", text: JSON.stringify(json) };
}

function responseOf(incoming: IncomingMessage): Response {
  const headers = new Headers();
  for (let index = 0; index < incoming.rawHeaders.length; index += 2)
    headers.append(incoming.rawHeaders[index] ?? "", incoming.rawHeaders[index + 1] ?? "");
  const status = incoming.statusCode ?? 0;
  const hasBody = ![204, 205, 304].includes(status);
  if (!hasBody) incoming.resume();
  const body = hasBody ? (Readable.toWeb(incoming) as ReadableStream<Uint8Array>) : null;
  return new Response(body, { status, headers });
}

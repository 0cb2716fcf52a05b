import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { z } from "zod";

/** More redirects than any way into an application has. */
const LONGEST_WAY = 10;

type Jar = Map<string, Map<string, string>>;

const cookiesOf = (jar: Jar, host: string): string =>
  [...(jar.get(host) ?? [])].map(([name, value]) => `${name}=${value}`).join("; ");

/** One request as a browser makes it. The names under `localhost` need not be known to this machine's resolver. */
async function ask(url: URL, jar: Jar): Promise<IncomingMessage> {
  const headers = { host: url.host, accept: "text/html", cookie: cookiesOf(jar, url.host) };
  const asked = request({ host: "127.0.0.1", port: url.port, path: url.pathname + url.search, headers });
  asked.end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  response.resume();
  for (const cookie of response.headers["set-cookie"] ?? []) {
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
    const kept = jar.get(url.host) ?? new Map<string, string>();
    jar.set(url.host, kept.set(name, value));
  }
  return response;
}

async function follow(start: URL, jar: Jar): Promise<URL> {
  let at = start;
  for (let step = 0; step < LONGEST_WAY; step += 1) {
    const { location } = (await ask(at, jar)).headers;
    if (location === undefined) return at;
    at = new URL(location, at);
  }
  throw new Error(`${start.href} redirects for ever`);
}

/** Logs a browser in by a one-time link and opens an application: the headers that it sends there from then on. */
export async function visit(
  origin: string,
  authorization: Readonly<Record<string, string>>,
  path: string,
): Promise<Record<string, string>> {
  const made = await fetch(`${origin}/api/login-links`, { method: "POST", headers: authorization });
  const { url } = z.object({ url: z.string() }).parse(await made.json());
  const jar: Jar = new Map();
  await follow(new URL(url), jar);
  const { host } = await follow(new URL(path, origin), jar);
  return { host, cookie: cookiesOf(jar, host) };
}

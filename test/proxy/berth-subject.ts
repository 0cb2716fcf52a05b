import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { isEnded, Session } from "../../contract/session.ts";
import { eventually } from "../support/eventually.ts";
import { valuesOf } from "../support/raw-http.ts";
import { exchange } from "./client.ts";
import type { Access, Exposed, ProxySubject, ServiceUnderTest } from "./subject.ts";

/** A running Berth whose agent is on this machine. `home` is that agent's `BERTH_HOME`. */
export type RunningBerth = { url: URL; token: string; home: string };

const LoginLink = z.object({ url: z.url() });

/** The environment that points the suite at a Berth which already runs. */
const VARIABLES = { url: "BERTH_PROXY_URL", token: "BERTH_PROXY_TOKEN", home: "BERTH_PROXY_HOME" } as const;

/**
 * The Berth that the environment names, or undefined when it names none.
 * @throws Error when only some of the variables are set
 */
export function berthOf(env: NodeJS.ProcessEnv): RunningBerth | undefined {
  const [url, token, home] = [env[VARIABLES.url], env[VARIABLES.token], env[VARIABLES.home]];
  if (url === undefined) return undefined;
  if (token === undefined || home === undefined)
    throw new Error(`${VARIABLES.url} needs ${VARIABLES.token} and ${VARIABLES.home} beside it`);
  return { url: new URL(url), token, home };
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Puts services behind a Berth as a user does: a folder with a start script, launched through the API. */
export class BerthSubject implements ProxySubject {
  readonly #berth: RunningBerth;
  readonly #stop: () => Promise<void>;
  readonly #folders = new Set<string>();
  readonly #live = new Set<string>();

  /** @param stop ends what was started for the suite; nothing, for a Berth that is somebody else's */
  constructor(berth: RunningBerth, stop: () => Promise<void> = () => Promise.resolve()) {
    this.#berth = berth;
    this.#stop = stop;
  }

  async expose(service: ServiceUnderTest): Promise<Exposed> {
    const name = await this.#addService(service);
    const launched = await eventually(() => this.#launch(name), {
      what: `the service ${name} in the catalogue`,
    });
    this.#live.add(launched.id);
    const session = await this.#until(launched.id, ({ state }) => state === "running" || isEnded(state));
    if (session.state !== "running" || session.url === null || session.port === null)
      throw new Error(`the session did not start: ${JSON.stringify(session)}`);
    const base = new URL(`/${service.tls ? "sme" : "me"}/${session.port}`, this.#berth.url);
    return {
      base,
      headers: this.#authorization,
      entry: new URL(session.url, base),
      port: session.port,
      browser: () => this.#browser(base),
      close: () => this.#cancel(session.id),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#live].map((id) => this.#cancel(id)));
    await Promise.all([...this.#folders].map((folder) => rm(folder, { recursive: true, force: true })));
    await this.#stop();
  }

  async #cancel(id: string): Promise<void> {
    await this.#api("POST", `/api/sessions/${id}/cancel`);
    await this.#until(id, ({ state }) => isEnded(state));
    this.#live.delete(id);
  }

  get #authorization(): [string, string][] {
    return [["Authorization", `Bearer ${this.#berth.token}`]];
  }

  async #addService(service: ServiceUnderTest): Promise<string> {
    const name = `proxy-${service.tls ? "sme" : "me"}-${service.strip ? "strip" : "keep"}`;
    const folder = join(this.#berth.home, "services", name);
    const flags = [...(service.tls ? ["--tls"] : []), ...(service.strip ? [] : ["--keep"])].join(" ");
    const start = `exec "$berth_node" ${quote(service.program)} --port "$service_port" --public-port "$openPort" ${flags}\n`;
    // JSON is YAML, and needs no library to be spelled.
    const definition = { slug: service.slug, url: service.tls ? "/sme" : "/me", stripPrefix: service.strip };
    this.#folders.add(folder);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "service.yaml"), JSON.stringify(definition));
    await writeFile(join(folder, "start_template.sh"), start);
    return name;
  }

  /** Undefined while the catalogue does not have the service yet. */
  async #launch(service: string): Promise<Session | undefined> {
    const response = await this.#api("POST", "/api/sessions", {
      service,
      placement: "workspace",
      inputs: {},
    });
    if (response.status === 404) return undefined;
    if (response.status !== 201) throw new Error(`launch: ${response.status} ${await response.text()}`);
    return Session.parse(await response.json());
  }

  async #until(id: string, is: (session: Session) => boolean): Promise<Session> {
    return await eventually(
      async () => {
        const session = Session.parse(await (await this.#api("GET", `/api/sessions/${id}`)).json());
        return is(session) ? session : undefined;
      },
      { what: `session ${id}`, timeoutMs: 30_000 },
    );
  }

  async #api(method: string, path: string, body?: object): Promise<Response> {
    return await fetch(new URL(path, this.#berth.url), {
      method,
      headers: { ...Object.fromEntries(this.#authorization), "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** Logs a browser in by a one-time link and follows it onto the host that this session is served on. */
  async #browser(base: URL): Promise<Access> {
    const { url } = LoginLink.parse(await (await this.#api("POST", "/api/login-links")).json());
    const jars = new Map<string, string[]>();
    await follow(new URL(url), jars);
    let at = new URL(`${base.href}/inspect`);
    for (let hops = 0; ; hops++) {
      if (hops > 8) throw new Error(`${base.href} leads round and round`);
      const location = await follow(at, jars);
      if (location === undefined) break;
      at = location;
    }
    // The last that this host has set is what lets the browser in; those before it were for the way.
    return {
      base: new URL(base.pathname, at),
      headers: [["Cookie", jars.get(at.host)?.at(-1) ?? ""]],
    };
  }
}

/** Asks for one page as a browser does, with each host's cookies; where it leads on. */
async function follow(url: URL, jars: Map<string, string[]>): Promise<URL | undefined> {
  const jar = jars.get(url.host) ?? [];
  const answer = await exchange(
    { base: new URL(url.origin), headers: jar.length === 0 ? [] : [["Cookie", jar.join("; ")]] },
    { path: `${url.pathname}${url.search}`, headers: [["Accept", "text/html"]] },
  );
  const set = valuesOf(answer.headers, "set-cookie").map((cookie) => cookie.split(";", 1)[0] ?? "");
  jars.set(url.host, [...jar, ...set]);
  const [location] = valuesOf(answer.headers, "location");
  return location === undefined ? undefined : new URL(location, url);
}

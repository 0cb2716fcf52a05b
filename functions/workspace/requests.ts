import { BerthError } from "../../contract/problem.ts";
import type { Session } from "../../contract/session.ts";
import { isApplication, OVER_HEADER } from "../application.ts";
import { addressOf } from "../auth/address.ts";
import { holdsCredential } from "../auth/credential.ts";
import { askerOf, type Guest, guestKey } from "../auth/guest.ts";
import { proxyToken } from "../auth/proxy-jwt.ts";
import { forwardedVisitor, seenVisitor, visitingAgent, type Visitor, visitorKey } from "../auth/visitor.ts";
import { configOf } from "../config.ts";
import type { Counters } from "../counters.ts";
import type { Env } from "../env.ts";
import { hostOfSession, hostsOf, sessionHostsOf, sessionOfHost } from "../hosts.ts";
import { type Origin, originOf } from "../origin.ts";
import { problemResponse } from "../problem-response.ts";
import { TARGET_HEADER } from "../relay/path.ts";
import { proxy, type ProxyContext } from "../relay/proxy.ts";
import { logRequest } from "../relay/session-log.ts";
import { proxyShared } from "../relay/shared.ts";
import type { Access } from "./access.ts";
import type { Answers } from "./answers.ts";
import type { Feed } from "./feed.ts";
import type { Link } from "./link.ts";
import { unknownSession } from "./sessions.ts";
import type { Shares } from "./shares.ts";
import type { Store, StoredSession } from "./store.ts";

export type RequestsOptions = {
  env: Env;
  store: Store;
  link: Link;
  answers: Answers;
  feed: Feed;
  access: Access;
  shares: Shares;
  counters: Counters;
  /** A session as it is shown; `host` is the sessions' host. */
  view: (stored: StoredSession, host: string) => Session;
};

/** What the functions pass on to a workspace as requests: the link, its streams, the proxy, and answers that are streams. */
export class Requests {
  readonly #options: RequestsOptions;

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  async serve(request: Request): Promise<Response> {
    try {
      const isRelayed = isApplication(request) || request.headers.has(TARGET_HEADER);
      return await (isRelayed ? this.#application(request) : this.#route(request));
    } catch (error) {
      if (!(error instanceof BerthError)) throw error;
      const response = problemResponse(error);
      if (error.code === "unauthorized") response.headers.set(OVER_HEADER, "1");
      return response;
    }
  }

  async #route(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const [, area, name = "", rest, last] = url.pathname.split("/", 5);
    if (area === "agent") return this.#agentRoute(request, name, rest);
    const { access, feed, store } = this.#options;
    const visitor = await forwardedVisitor(request, url, this.#options.env);
    await access.check(visitor, { rotates: false, now: Date.now() });
    if (area === "wait") return streamFor(request, this.#wait(Number(name), url, visitorKey(visitor)));
    if (area === "api" && name === "events")
      return streamFor(request, feed.follow(store.sessions(), this.#viewFor(url), visitorKey(visitor)));
    if (area === "api" && name === "sessions" && last === "logs" && rest !== undefined)
      return this.#logs(rest, request, visitor);
    throw new BerthError("not_found", `nothing is at ${url.pathname}`);
  }

  async #agentRoute(request: Request, name: string, rest: string | undefined): Promise<Response> {
    const { env, access, link, answers } = this.#options;
    const agent = await visitingAgent(request, env);
    await access.checkAgent(agent, name === "link" ? "link" : "stream");
    if (name === "link") return link.accept(request, agent);
    if (name === "streams" && rest !== undefined) return answers.stream(rest, request);
    if (name === "leave" && request.method === "POST") {
      await access.leave(agent, addressOf(request));
      return new Response(null, { status: 204 });
    }
    throw new BerthError("not_found", "nothing is there for an agent");
  }

  async #application(request: Request): Promise<Response> {
    const { env, access, counters } = this.#options;
    counters.add("relayed_requests");
    const url = originOf(request.url);
    const mayBeGuest = sessionOfHost(env, url) !== undefined;
    const asker = mayBeGuest
      ? await askerOf(request, url, env)
      : (seenVisitor(request, url, env) ?? (await forwardedVisitor(request, url, env)));
    if (asker.kind === "guest") return this.#shared(request, url, asker);
    const { scopes } = await access.check(asker, { rotates: false, now: Date.now() });
    if (!scopes.includes("launch"))
      throw new BerthError(
        "insufficient_scope",
        'this token opens no application: it needs the scope "launch"',
      );
    const isElsewhere =
      asker.kind === "browser" && asker.audience === "console" && sessionHostsOf(env) !== "none";
    const { sessions } = hostsOf(env, url);
    return proxy(request, {
      ...this.#context(url, visitorKey(asker)),
      elsewhere: isElsewhere ? (id) => `${url.protocol}//${hostOfSession(env, sessions, id)}` : undefined,
    });
  }

  #shared(request: Request, url: Origin, guest: Guest): Promise<Response> {
    const { share, stored } = this.#options.shares.check(guest, Date.now());
    return proxyShared(request, { stored, mode: share.mode }, this.#context(url, guestKey(guest)));
  }

  #context(url: Origin, visitor: string): ProxyContext {
    const { env, answers, counters, link, view } = this.#options;
    const hosts = hostsOf(env, url);
    const { BERTH_API_TOKEN: api, BERTH_AGENT_TOKEN: agent } = env;
    const { login } = configOf(env);
    return {
      url,
      visitor,
      answers,
      sessionWithPort: (port) => this.#sessionAt(port, url),
      view: (stored) => view(stored, hosts.sessions),
      isOnline: () => link.online,
      onUnanswered: (code) => counters.add("relay_errors", code),
      isOurToken: (authorization) =>
        holdsCredential(authorization) ||
        [api, agent].some((token) => token && authorization.includes(token)),
      identityIn: login.kind === "header" ? (headers) => proxyToken(headers, login) : undefined,
      proxyOwn: login.kind === "header" ? login.own : undefined,
      consoleUrl: `${url.protocol}//${hosts.console}`,
    };
  }

  /** The session with a port: on a session's own host that one alone, whatever else its user has. */
  #sessionAt(port: number, url: Origin): StoredSession | undefined {
    const { env, store } = this.#options;
    const own = sessionOfHost(env, url);
    if (own === undefined) return store.sessionWithPort(port);
    const stored = store.session(own);
    return stored?.report?.port === port ? stored : undefined;
  }

  async #logs(id: string, request: Request, visitor: Visitor): Promise<Response> {
    const { store, link, answers } = this.#options;
    const stored = store.session(id);
    if (stored === undefined) throw unknownSession(id);
    if (!link.online)
      throw new BerthError("agent_offline", "the log is on the workspace, which is not connected");
    return answers.request(logRequest(stored, request, visitorKey(visitor)));
  }

  #wait(port: number, url: URL, visitor: string): Response {
    const stored = this.#sessionAt(port, url);
    if (stored === undefined)
      throw new BerthError("no_live_session", `no live session of yours has port ${port}`);
    return this.#options.feed.wait(stored, this.#viewFor(url), visitor);
  }

  #viewFor(url: URL): (stored: StoredSession) => Session {
    const { sessions } = hostsOf(this.#options.env, url);
    return (stored) => this.#options.view(stored, sessions);
  }
}

/** To a HEAD the head alone (RFC 9110, section 9.3.2): a stream that nobody reads would stay open behind it. */
async function streamFor(request: Request, stream: Response): Promise<Response> {
  if (request.method !== "HEAD") return stream;
  await stream.body?.cancel();
  return new Response(null, stream);
}

import type { ClientRequest, IncomingMessage } from "node:http";
import { request } from "node:http";
import type { Socket } from "node:net";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import type { Family } from "./ports.ts";
import { listenerOwner, LOOPBACK } from "./ports.ts";
import type { Connect } from "./relay/tunnel-agent.ts";

/**
 * Where a service is asked whether it is ready; `path` as the service sees it, from its `/` on. `connect` is the way to
 * one that runs on another host.
 */
export type ReadinessTarget = { port: number; tls: boolean; path: string; connect?: Connect | undefined };

/** What one probe found. `answered` holds the HTTP status. */
export type Probe =
  | { found: "answered"; status: number }
  | { found: "nothing" }
  | { found: "stranger"; uid: number }
  | { found: "mute"; why: string };

const PROBE_TIMEOUT_MS = 5000;

const opened = (host: Family, port: number, signal: AbortSignal): Promise<Socket | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, signal });
    socket.once("connect", () => resolve(socket)).on("error", () => resolve(undefined));
  });

function ask(socket: Duplex, host: string, target: ReadinessTarget, signal: AbortSignal): Promise<Probe> {
  const { promise, resolve } = Promise.withResolvers<Probe>();
  const mute = (error: Error): void => {
    const why = error.name === "AbortError" ? `no answer within ${PROBE_TIMEOUT_MS / 1000} s` : error.message;
    resolve({ found: "mute", why });
  };
  // Certificates on loopback are self-signed as a rule (design 3.1), and whose listener it is has been seen already.
  const stream = target.tls ? connectTls({ socket, rejectUnauthorized: false }) : socket;
  stream.on("error", mute);
  const url = new URL(`http://service${target.path}`);
  const asking: ClientRequest = request({
    host,
    port: target.port,
    path: url.pathname + url.search,
    headers: { accept: "*/*", connection: "close", "user-agent": "berth" },
    createConnection: () => stream,
    signal,
  });
  asking.on("error", mute).once("response", (answer: IncomingMessage) => {
    resolve({ found: "answered", status: answer.statusCode ?? 0 });
  });
  asking.end();
  return promise;
}

/** Asks a service on another host. That the listener is the user's own has been seen there. */
async function probeThrough(dial: Connect, target: ReadinessTarget, signal: AbortSignal): Promise<Probe> {
  try {
    const channel = await dial();
    try {
      return await ask(channel, "localhost", target, signal);
    } finally {
      channel.destroy();
    }
  } catch (error) {
    const isRefused = error instanceof Error && "code" in error && error.code === "ECONNREFUSED";
    if (isRefused) return { found: "nothing" };
    return { found: "mute", why: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Asks a service once: 127.0.0.1 first, then ::1, since `localhost` may mean either. Redirects are not followed.
 * The request may hold a token of the service (a slug with a query), so it is sent only after it is certain that the
 * listener belongs to this user. Or to root, who needs no port to read our mind: Docker publishes ports so.
 */
export async function probe(target: ReadinessTarget, signal: AbortSignal): Promise<Probe> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]);
  if (target.connect !== undefined) return await probeThrough(target.connect, target, limited);
  for (const host of LOOPBACK) {
    const socket = await opened(host, target.port, limited);
    if (socket === undefined) continue;
    try {
      const uid = await listenerOwner(target.port, host);
      if (uid === undefined) continue;
      if (uid !== 0 && uid !== process.getuid?.()) return { found: "stranger", uid };
      return await ask(socket, host, target, limited);
    } finally {
      socket.destroy();
    }
  }
  return { found: "nothing" };
}

function describe(last: Probe, { port, tls }: ReadinessTarget): string {
  switch (last.found) {
    case "answered":
      return `it answers with status ${last.status}`;
    case "nothing":
      return `nothing listens on port ${port}`;
    case "stranger":
      return `port ${port} is taken by another user (uid ${last.uid})`;
    case "mute":
      return `port ${port} does not speak ${tls ? "HTTPS" : "HTTP"} (${last.why})`;
    default:
      return last satisfies never;
  }
}

/**
 * The pause before the next probe, in milliseconds: a hundredth of what has been waited, so that looking adds about
 * half a percent to any start, and a slow one costs four looks a second.
 */
const pauseAfter = (elapsedMs: number): number => Math.min(Math.max(elapsedMs / 100, 40), 250);

/**
 * Waits until a service is ready: it answers with a status below `below`.
 * @param options.target asked before every probe, since service.json may change meanwhile
 * @param options.timeoutMs the budget
 * @param options.onListening called once, as soon as the service listens on the port
 * @returns undefined when it is ready; otherwise, at the end of the budget, why it is not
 * @throws the signal's reason
 */
export async function untilReady(options: {
  target: () => ReadinessTarget;
  below: number;
  timeoutMs: number;
  onListening: () => void;
  signal: AbortSignal;
}): Promise<string | undefined> {
  const { below, timeoutMs, signal } = options;
  const begin = performance.now();
  let listening = false;
  for (;;) {
    const target = options.target();
    const last = await probe(target, signal);
    signal.throwIfAborted();
    if ((last.found === "answered" || last.found === "mute") && !listening) {
      listening = true;
      options.onListening();
    }
    if (last.found === "answered" && last.status < below) return undefined;
    const elapsed = performance.now() - begin;
    if (elapsed >= timeoutMs) return describe(last, target);
    await delay(Math.min(pauseAfter(elapsed), timeoutMs - elapsed), undefined, { signal });
  }
}

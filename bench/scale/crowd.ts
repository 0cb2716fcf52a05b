import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import { LocalEdge } from "../../local/edge.ts";
import { freePort } from "../free-port.ts";
import { idleMemory } from "../memory.ts";
import type { Row } from "../row.ts";
import { AccessProxy } from "./access-proxy.ts";
import { enrol } from "./enrolment.ts";
import { IdleAgents } from "./idle-agents.ts";

const KIBIBYTE = 1 / 1024;
/** Users that are enrolled at a time. */
const ABREAST = 8;
/** The edge lets an object go that has been idle for 10 s; then its memory is looked at for so long. Milliseconds. */
const SETTLE_MS = 15_000;
const LOOK_MS = 5_000;
/** By then every workspace has told the registry of itself, and none wakes for it when the edge has started anew. Milliseconds. */
const TOLD_MS = 20_000;
/** Agents come one after the other over so long: an object lives 10 s after its last word, and takes most then. Milliseconds. */
const ARRIVAL_MS = 120_000;
/** Launches, each for another user, one after the other. */
const LAUNCHES = 300;

const secret = (bytes: number): string => randomBytes(bytes).toString("base64");

/** An edge of many users on a port, whose storage outlives it. */
class ManyUsersEdge {
  readonly origin: string;
  readonly webhookKey = `whsec_${secret(32)}`;
  readonly #start: () => Promise<LocalEdge>;

  constructor(port: number, state: string, proxy: AccessProxy) {
    this.origin = `http://localhost:${port}`;
    const secrets = { token: secret(32), agentToken: secret(32), cookieSecret: secret(32) };
    const bindings = { ...proxy.bindings, BERTH_WEBHOOK_SECRETS: this.webhookKey };
    this.#start = () => LocalEdge.start({ port, state, secrets, bindings, attempts: 1_000_000 });
  }

  start(): Promise<LocalEdge> {
    return this.#start();
  }

  /** Launches by a platform's signed call; the milliseconds until its answer is read. */
  async launch(user: string, signal: AbortSignal): Promise<number> {
    const now = new Date();
    const data = { user, service: "webshell", placement: "workspace" };
    const body = JSON.stringify({ type: "session.launch", timestamp: now.toISOString(), data });
    const id = `msg_${randomBytes(12).toString("hex")}`;
    const headers = {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
      "webhook-signature": new Webhook(this.webhookKey).sign(id, now, body),
    };
    const begun = performance.now();
    const response = await fetch(`${this.origin}/webhooks/platform`, {
      method: "POST",
      headers,
      body,
      signal,
    });
    const text = await response.text();
    const taken = performance.now() - begun;
    if (response.status !== 201) throw new Error(`the launch was answered ${response.status}: ${text}`);
    return taken;
  }
}

const subjectOf = (index: number): string => `user${index}`;

async function enrolAll(
  origin: string,
  proxy: AccessProxy,
  count: number,
  signal: AbortSignal,
): Promise<string[]> {
  const tokens: string[] = [];
  for (let first = 0; first < count; first += ABREAST) {
    signal.throwIfAborted();
    const some = Array.from({ length: Math.min(ABREAST, count - first) }, (_, index) => first + index);
    tokens.push(...(await Promise.all(some.map((index) => enrol(origin, proxy, subjectOf(index))))));
  }
  return tokens;
}

async function memoryOf(signal: AbortSignal): Promise<number> {
  await delay(SETTLE_MS, undefined, { signal });
  const pid = await LocalEdge.pid();
  if (pid === undefined) throw new Error("workerd is gone");
  return idleMemory(pid, LOOK_MS);
}

/** The links up, and the memory that they take, when they come one after the other. */
async function arrive(
  agents: IdleAgents,
  count: number,
  before: number,
  signal: AbortSignal,
): Promise<Row[]> {
  await agents.dial(ARRIVAL_MS, signal);
  await agents.allUp(signal);
  const idle = await memoryOf(signal);
  return [
    {
      measure: `${count} idle links, dialled over ${ARRIVAL_MS / 1000} s`,
      unit: "links",
      samples: { berth: [agents.up] },
      wanted: { of: "value", at: "least", limit: count },
    },
    { measure: "edge without a link", unit: "MiB", samples: { berth: [before] }, wanted: null },
    {
      measure: "edge, for each idle link",
      unit: "KiB",
      samples: { berth: [(idle - before) / KIBIBYTE / count] },
      wanted: { of: "value", at: "most", limit: 100 },
    },
  ];
}

async function launchForMany(edge: ManyUsersEdge, count: number, signal: AbortSignal): Promise<Row> {
  const launches: number[] = [];
  for (let index = 0; index < LAUNCHES; index += 1) {
    const user = 1 + Math.floor((index * (count - 1)) / LAUNCHES);
    launches.push(await edge.launch(subjectOf(user), signal));
  }
  return {
    measure: "a launch by webhook while they idle, median",
    unit: "ms",
    samples: { berth: launches },
    wanted: { of: "value", at: "most", limit: 50 },
  };
}

/** As after a deploy: every link drops, and every agent comes back by itself. */
async function returned(
  agents: IdleAgents,
  count: number,
  before: number,
  signal: AbortSignal,
): Promise<Row[]> {
  const begun = performance.now();
  await agents.allUp(signal);
  const seconds = (performance.now() - begun) / 1000;
  const idle = await memoryOf(signal);
  return [
    {
      measure: "after a restart of the edge, all back",
      unit: "s",
      samples: { berth: [seconds] },
      wanted: null,
    },
    {
      measure: "edge, for each link that came back at once",
      unit: "KiB",
      samples: { berth: [(idle - before) / KIBIBYTE / count] },
      wanted: null,
    },
  ];
}

/** Many workspaces, each with one agent that has nothing to do, on one local edge. */
export async function crowd(
  count: number,
  { signal, tell }: { signal: AbortSignal; tell: (text: string) => void },
): Promise<Row[]> {
  await using stack = new AsyncDisposableStack();
  const state = await mkdtemp(join(tmpdir(), "berth-scale-"));
  stack.defer(() => rm(state, { recursive: true, force: true }));
  const proxy = stack.use(await AccessProxy.start());
  const edge = new ManyUsersEdge(await freePort(), state, proxy);
  tell(`enrolling ${count} users …`);
  const tokens: string[] = [];
  {
    await using _running = await edge.start();
    tokens.push(...(await enrolAll(edge.origin, proxy, count, signal)));
    await delay(TOLD_MS, undefined, { signal });
  }
  // Started anew: what the enrolments left behind in its memory is no link's.
  let running = await edge.start();
  stack.defer(() => running[Symbol.asyncDispose]());
  const agents = stack.use(await IdleAgents.with(edge.origin, tokens));
  await warmUp(edge, tokens, signal);
  const before = await memoryOf(signal);
  tell(`dialling ${count} links …`);
  const rows = await arrive(agents, count, before, signal);
  tell("launching by webhook …");
  rows.push(await launchForMany(edge, count, signal));
  rows.push({
    measure: "links lost meanwhile",
    unit: "links",
    samples: { berth: [agents.lost] },
    wanted: null,
  });
  tell("restarting the edge …");
  await running[Symbol.asyncDispose]();
  running = await edge.start();
  rows.push(...(await returned(agents, count, before, signal)));
  return rows;
}

/** One user is there before the others: what every edge needs is loaded. */
async function warmUp(edge: ManyUsersEdge, tokens: readonly string[], signal: AbortSignal): Promise<void> {
  await using one = await IdleAgents.with(edge.origin, tokens.slice(0, 1));
  await one.dial(0, signal);
  await one.allUp(signal);
  await edge.launch(subjectOf(0), signal);
}

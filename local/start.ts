import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setTimeout as delay } from "node:timers/promises";
import { Api } from "../agent/api.ts";
import { type Config, ensureSecret, makeHome, ownInstance, readConfig } from "../agent/config.ts";
import { livePid, PidFile, removePid, writePid } from "../agent/pid-file.ts";
import { BerthError } from "../contract/problem.ts";
import { AgentProcess } from "./agent-process.ts";
import { LocalEdge } from "./edge.ts";

const HELP = `npm start: Berth on this machine, in the foreground

  Starts the edge and this workspace's agent, and prints a link that logs a browser in. Ctrl-C ends both;
  running applications go on, and the next start finds them again.

  BERTH_HOME        where the state is kept (default ~/.berth)
  BERTH_PORT        the port of the console (default 8787)
  BERTH_LOG_LIMIT   how large a session's log becomes on disk, MiB (default 64)
`;

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** How often it is looked whether workerd was replaced after a crash, milliseconds. */
const EDGE_WATCH_MS = 500;
const POLL_MS = 50;

/** A process that does not end within this time is killed: workerd first waits for its connections. Milliseconds. */
const LEFTOVER_GRACE_MS = 2_000;

/** A crash of an earlier start can leave its two processes behind; they would hold the port and the sessions. */
async function endLeftovers(home: string): Promise<void> {
  for (const role of ["agent", "edge"] as const) {
    const pid = await livePid(home, role);
    if (pid === undefined) continue;
    say(`berth: ending the ${role} that an earlier start left behind (process ${pid})`);
    signalIfThere(pid, "SIGTERM");
    const deadline = performance.now() + LEFTOVER_GRACE_MS;
    while ((await livePid(home, role)) === pid) {
      if (performance.now() > deadline) signalIfThere(pid, "SIGKILL");
      await delay(POLL_MS);
    }
  }
}

/** The edge ends with its parent by itself: between a look and a signal it may be gone. */
function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** @throws BerthError `already_running` when something else listens on the port */
async function checkPort(port: number): Promise<void> {
  const probe = createServer().listen(port, "127.0.0.1");
  try {
    await once(probe, "listening");
  } catch (cause) {
    const message = `Cannot listen on port ${port}: another program does. Stop it, or choose another port: BERTH_PORT=8788 npm start`;
    throw new BerthError("already_running", message, { cause });
  }
  probe.close();
  await once(probe, "close");
}

/** Keeps `run/edge.pid` true: after a crash workerd comes back under another process id. */
async function watchEdge(home: string, signal: AbortSignal): Promise<void> {
  let known: number | undefined;
  while (!signal.aborted) {
    const pid = await LocalEdge.pid();
    if (pid !== undefined && pid !== known) {
      await writePid(home, "edge", pid);
      if (known !== undefined) say(`berth: the edge was restarted (process ${pid})`);
      known = pid;
    }
    await delay(EDGE_WATCH_MS, undefined, { signal }).catch(() => undefined);
  }
  await removePid(home, "edge");
}

/** Resolves when the agent's link is up: from then on a request through the relay works. */
async function untilOnline(api: Api, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const status = await api.agent().catch(() => undefined);
    if (status?.online === true) return;
    await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** What is set here as on a deployed edge: limits, the sessions' hosts (docs/operator.md), webhooks (docs/webhooks.md). */
const settings = (environment: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      /^BERTH_(?:LIMIT_|WEBHOOK_|SESSION_HOSTS$)/.test(name) && value !== undefined ? [[name, value]] : [],
    ),
  );

/** One text, written at once: who waits for the line `ready` finds the link below it. */
const readyText = (link: string): string => `ready

Open the console (the link works once, within 10 minutes; another: ./berth open):

  ${link}

Ctrl-C ends Berth; running applications go on.`;

async function start(config: Config, stop: AbortSignal): Promise<void> {
  await makeHome(config.home);
  await using _claim = await PidFile.claim(config.home, "start");
  await endLeftovers(config.home);
  await checkPort(config.port);
  const secrets = {
    token: await ensureSecret(config.home, "token"),
    agentToken: await ensureSecret(config.home, "agentToken"),
    cookieSecret: await ensureSecret(config.home, "cookieSecret"),
  };
  say(`berth: starting the edge on port ${config.port}; state is in ${config.home}`);
  await using stack = new AsyncDisposableStack();
  const edge = {
    port: config.port,
    state: join(config.home, "edge"),
    secrets,
    bindings: settings(process.env),
  };
  stack.use(await LocalEdge.start(edge));
  const watching = watchEdge(config.home, stop);
  stack.defer(() => watching);
  stack.use(new AgentProcess(config, (message) => say(`berth: ${message}`)));
  const api = await Api.open(config);
  await untilOnline(api, stop);
  if (stop.aborted) return;
  say(readyText(await api.loginLink()));
  await once(stop, "abort");
  say("\nberth: stopping; running applications go on");
}

const { values } = parseArgs({ options: { help: { type: "boolean", short: "h" } } });
if (values.help === true) say(HELP);
else {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());
  try {
    await start(ownInstance(readConfig(process.env)), stop.signal);
  } catch (error) {
    if (!(error instanceof BerthError) && !(error instanceof RangeError)) throw error;
    process.stderr.write(`berth: ${error.message}\n`);
    process.exitCode = 1;
  }
}

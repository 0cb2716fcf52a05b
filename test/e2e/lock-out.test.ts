import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { AgentKey } from "../../agent/agent-key.ts";
import { Enrolment } from "../../agent/enrolment.ts";
import { CreatedToken } from "../../contract/account.ts";
import { OperatorSession, OperatorUser } from "../../contract/operator.ts";
import { Session } from "../../contract/session.ts";
import { eventually } from "../support/eventually.ts";
import { HandMadeAgent } from "../support/hand-made-agent.ts";
import { HttpBrowser } from "../support/http-browser.ts";
import { JoinedAgent } from "../support/joined-agent.ts";
import { LiveConnections, liveSocket } from "../support/live-connections.ts";
import { OidcEdge } from "../support/oidc-edge.ts";

const PROGRAM = fileURLToPath(new URL("../support/live-service.ts", import.meta.url));
const LIVE = { "start_template.sh": `exec "$berth_node" ${PROGRAM} "$service_port"\n` };
const ANA = { sub: "ana", name: "Ana", groups: ["tides"] };
const BEN = { sub: "ben", name: "Ben", groups: ["tides"] };
const OLGA = { sub: "olga", name: "Olga", groups: ["operators"] };
const REASON = "A token of hers was in a public repository";
/** The agent tries again every 15 s at the latest. */
const BACK_MS = 60_000;

let edge: OidcEdge;
let ana: HttpBrowser;
let olga: HttpBrowser;
let agent: JoinedAgent;

const AS_PROGRAM = { accept: "application/json" };

async function logIn(browser: HttpBrowser, account: typeof ANA): Promise<HttpBrowser> {
  edge.provider.account = account;
  await edge.logIn(browser);
  return browser;
}

beforeAll(async () => {
  edge = await OidcEdge.start({ bindings: { BERTH_OPERATOR_GROUPS: "operators" } });
  ana = await logIn(new HttpBrowser(), ANA);
  agent = await JoinedAgent.start(edge.console, ana, { live: LIVE });
  olga = await logIn(new HttpBrowser(), OLGA);
});

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await edge[Symbol.asyncDispose]();
});

async function json(browser: HttpBrowser, path: string): Promise<unknown> {
  const response = await browser.go(edge.console + path, { headers: AS_PROGRAM });
  if (response.status !== 200) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

async function items(path: string): Promise<unknown> {
  return ((await json(olga, path)) as { items: unknown }).items;
}

/** Where the operator does something to somebody, once their workspace has told of itself. */
async function pathOf({ sub }: typeof ANA): Promise<string> {
  const id = await eventually(
    async () =>
      OperatorUser.array()
        .parse(await items("/api/operator/users"))
        .find(({ subject }) => subject === sub)?.id,
    { what: `${sub} in the registry` },
  );
  return `${edge.console}/api/operator/users/${id}`;
}

/** The token of an agent that somebody has let in. */
async function agentTokenOf(browser: HttpBrowser): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "berth-thief-"));
  try {
    const { signal } = new AbortController();
    const enrolment = await Enrolment.start(new URL(edge.console), await AgentKey.open(home), signal);
    const form = { code: enrolment.started.userCode, decision: "approve", replaces: "" };
    await browser.go(`${edge.console}/join`, { form });
    return (await enrolment.approved(signal)).token;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

const sessionOf = async (id: string): Promise<Session> =>
  Session.parse(await json(ana, `/api/sessions/${id}`));

const isOnline = async (): Promise<boolean> =>
  ((await json(ana, "/api/agent")) as { online: boolean }).online;

it("the sessions of whoever is locked out end, if the operator says so, though nobody hears it before they are back", async () => {
  const { id } = await agent.running("live");
  const user = await pathOf(ANA);
  const locked = await olga.go(`${user}/lock-out`, {
    json: { reason: REASON, cancelSessions: true },
    headers: AS_PROGRAM,
  });
  expect(await locked.json()).toMatchObject({ canceled: expect.any(Number) });
  await olga.go(`${user}/let-in`, { json: {} });
  await logIn(ana, ANA);
  await eventually(async () => (await sessionOf(id)).state === "canceled", {
    timeoutMs: BACK_MS,
    what: "the end of the session",
  });
  expect((await sessionOf(id)).canceledBy).toEqual({ name: "Olga", reason: REASON });
});

it("whoever is locked out is out with all that is open, and comes back with agent and sessions", async () => {
  const session = await agent.running("live");
  const port = String(session.port);
  const live = await LiveConnections.open(edge, ana, port);
  expect(await live.say("one")).toBe("one");
  const user = await pathOf(ANA);

  expect((await olga.go(`${user}/lock-out`, { json: { reason: REASON }, headers: AS_PROGRAM })).status).toBe(
    200,
  );
  await live.ended();
  // Half a second later the workspace's object ends with all that it holds, and whoever asks just then is to ask again.
  await eventually(
    async () => {
      const [error] = (await once(liveSocket(edge, ana, port), "error")) as [Error];
      return error.message.includes("401");
    },
    { what: "the refusal of another WebSocket" },
  );
  edge.provider.account = ANA;
  const stranger = new HttpBrowser();
  const page = await eventually(
    async () => {
      const { response } = await stranger.follow(`${edge.console}/login`);
      const text = await response.text();
      return response.status === 403 ? text : undefined;
    },
    { what: "the refusal of another login" },
  );
  expect(page).toContain(`Olga has locked this account: ${REASON}`);
  expect(await edge.whoIs(stranger)).toBeUndefined();
  // Its workspace is not connected: what is known of the session is the last that was.
  await eventually(
    async () =>
      OperatorSession.array()
        .parse(await items("/api/operator/sessions"))
        .some(({ id, state, reachable }) => id === session.id && state === "running" && !reachable),
    { what: "the session that goes on" },
  );

  expect((await olga.go(`${user}/let-in`, { json: {} })).status).toBe(204);
  await logIn(ana, ANA);
  await eventually(isOnline, { timeoutMs: BACK_MS, what: `the agent to come back: ${agent.output}` });
  const again = await LiveConnections.open(edge, ana, port);
  expect(await again.say("two")).toBe("two");
  await again.close();
});

it("no agent keeps a WebSocket open for whoever is locked out, not even one that does as it likes", async () => {
  const ben = await logIn(new HttpBrowser(), BEN);
  const made = await ben.go(`${edge.console}/api/tokens`, {
    json: { name: "nightly", scopes: ["launch"] },
    headers: AS_PROGRAM,
  });
  const asApi = { authorization: `Bearer ${CreatedToken.parse(await made.json()).token}` };
  const api = (method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(edge.console + path, {
      method,
      headers: { ...asApi, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  await using thief = await HandMadeAgent.link(edge.console, await agentTokenOf(ben));
  const [browser, service] = await thief.coupled({ api, asApi });
  const closed = Promise.all([once(browser, "close"), once(service, "close")]);
  const path = await pathOf(BEN);
  expect((await olga.go(`${path}/lock-out`, { json: { reason: REASON }, headers: AS_PROGRAM })).status).toBe(
    200,
  );
  await closed;
  await eventually(async () => (await api("GET", "/api/me")).status === 403, {
    what: "the refusal of his token",
  });
});

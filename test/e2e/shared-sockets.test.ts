import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { Share } from "../../contract/share.ts";
import type { HttpBrowser } from "../support/http-browser.ts";
import { JoinedAgent } from "../support/joined-agent.ts";
import { OidcEdge } from "../support/oidc-edge.ts";

const LIVE = {
  "start_template.sh": `exec "$berth_node" ${join(import.meta.dirname, "../support/live-service.ts")} "$service_port"\n`,
};

let edge: OidcEdge;
let owner: HttpBrowser;
let agent: JoinedAgent;

beforeAll(async () => {
  edge = await OidcEdge.start({ bindings: { BERTH_SESSION_HOSTS: "each" } });
  owner = await edge.browser();
  agent = await JoinedAgent.start(edge.console, owner, { live: LIVE });
});

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await edge[Symbol.asyncDispose]();
});

type Open = { socket: WebSocket; events: ReadableStreamDefaultReader<Uint8Array> };

const say = async (socket: WebSocket, text: string): Promise<string> => {
  const answered = once(socket, "message");
  socket.send(text);
  return String((await answered)[0]);
};

/** A guest's browser with an event stream and a WebSocket open in a shared session. */
async function open(guest: HttpBrowser, link: string): Promise<Open> {
  const { response } = await guest.follow(link);
  expect([response.status, await response.text()]).toEqual([200, "live"]);
  const { host, hostname, origin, port, pathname } = new URL(link);
  const socket = new WebSocket(`ws://127.0.0.1:${port}${pathname}echo`, {
    headers: { host, origin, cookie: guest.cookies(hostname) },
  });
  await once(socket, "open");
  expect(await say(socket, "one")).toBe("one");
  const stream = await guest.go(`${link}events`, { headers: { accept: "text/event-stream" } });
  expect(stream.status).toBe(200);
  const events = (stream.body as ReadableStream<Uint8Array>).getReader();
  expect((await events.read()).done).toBe(false);
  return { socket, events };
}

/** Resolves when both have ended, by whatever kind of end. */
async function ended({ socket, events }: Open): Promise<void> {
  const drained = async (): Promise<void> => {
    try {
      while (!(await events.read()).done);
    } catch {
      // An end that is an error is one.
    }
  };
  const closed = socket.readyState === WebSocket.CLOSED ? undefined : once(socket, "close");
  await Promise.all([closed, drained()]);
}

async function close({ socket, events }: Open): Promise<void> {
  socket.close();
  await Promise.all([once(socket, "close"), events.cancel()]);
}

type End = {
  how: string;
  end: (share: Share, guest: HttpBrowser) => Promise<{ status: number }>;
  /** Whether the guest's other browser, with a login of its own, is out too. */
  isForAll: boolean;
};

/** How a share is over while its guest has connections open. */
const ENDS: End[] = [
  {
    how: "its owner ends the share",
    end: ({ session, id }) => owner.go(`${edge.console}/sessions/${session}/share/${id}/end`, { form: {} }),
    isForAll: true,
  },
  {
    how: "the guest logs out",
    end: (_share, guest) => guest.go(`${edge.console}/logout`, { form: {} }),
    isForAll: false,
  },
  {
    how: "the session is canceled",
    end: ({ session }) => owner.go(`${edge.console}/api/sessions/${session}/cancel`, { json: {} }),
    isForAll: true,
  },
];

it.each(ENDS)("when $how, what the guest has open ends, and they are out", async ({ end, isForAll }) => {
  const session = await agent.running("live");
  const shares = `${edge.console}/api/sessions/${session.id}/shares`;
  const made = await owner.go(shares, { json: { with: { kind: "group", name: "tides" }, mode: "use" } });
  expect(made.status).toBe(201);
  const share = Share.parse(await made.json());
  edge.provider.account = { sub: "ben", name: "Ben", groups: ["tides"] };
  const [guest, other] = [await edge.browser(), await edge.browser()];
  const [theirs, others] = [await open(guest, share.url), await open(other, share.url)];
  expect((await end(share, guest)).status).toBeLessThan(400);
  await ended(theirs);
  expect((await guest.go(share.url, { headers: { accept: "application/json" } })).status).toBe(404);
  if (isForAll) return ended(others);
  expect(await say(others.socket, "two")).toBe("two");
  await close(others);
});

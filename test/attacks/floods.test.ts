import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Session } from "../../contract/session.ts";
import { act, begin, exchange, freshKey, inspect, untilHeld } from "../proxy/client.ts";
import { provoke } from "../proxy/chapters/malformed-requests.ts";
import type { Access } from "../proxy/subject.ts";
import { Talk } from "../proxy/talk.ts";
import { Berth } from "../support/berth.ts";
import { eventually } from "../support/eventually.ts";
import { RawConnection, valueOf } from "../support/raw-http.ts";

const TARGET = join(import.meta.dirname, "../proxy/services/target.ts");
const LIMITS = { LAUNCHES: 6, STREAMS: 24, FOLLOWERS: 8 };
const MIB = 1_048_576;
/** Milliseconds: so long a launch counts. */
const MINUTE = 60_000;
/** What the edge and the agent together may grow by while a flood stands. */
const GROWTH = 192 * MIB;

let berth: Berth;
let session: Session;
let access: Access;

beforeAll(async () => {
  const env = Object.entries(LIMITS).map(([name, value]) => [`BERTH_LIMIT_${name}`, String(value)]);
  berth = await Berth.start({
    env: Object.fromEntries(env) as Record<string, string>,
    services: {
      target: { "start_template.sh": `exec "$berth_node" ${TARGET} --port "$service_port"\n` },
      sleeper: { "start_template.sh": "sleep 600\n" },
      // A log that grows as fast as a disk takes it, up to 64 MiB.
      chatty: { "start_template.sh": "yes 'a line of nothing much' | head -c 67108864\nsleep 600\n" },
    },
  });
  const { id } = await berth.launch({ service: "target" });
  session = await berth.until(id, "running");
  access = {
    base: new URL(`/me/${session.port}`, berth.url),
    headers: [["Authorization", `Bearer ${await berth.token()}`]],
  };
});
afterAll(async () => {
  await berth[Symbol.asyncDispose]();
});

/** Resident memory of the edge and the agent together, bytes. */
async function memory(): Promise<number> {
  const sizes = (["edge", "agent"] as const).map(async (role) => {
    const status = await readFile(`/proc/${await berth.pid(role)}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** Others are answered meanwhile: by the API, and by the very application. */
async function expectAnswers(): Promise<void> {
  expect((await berth.fetch("/api/sessions")).status).toBe(200);
  expect((await inspect(access)).method).toBe("GET");
}

async function expectBounded(before: number): Promise<void> {
  await expectAnswers();
  expect((await memory()) - before).toBeLessThan(GROWTH);
}

describe("a flood", () => {
  it("of slow heads holds nobody up", async () => {
    await using stack = new AsyncDisposableStack();
    const before = await memory();
    for (let count = 0; count < 300; count += 1) {
      const connection = stack.use(await RawConnection.open(new URL(berth.url)));
      await connection.send("GET / HTTP/1.1\r\nHost: loc");
    }
    await expectBounded(before);
  });

  it("of huge heads is refused, each with 400, 413 or 431", async () => {
    const before = await memory();
    const head = `GET /api/sessions HTTP/1.1\r\nHost: ${new URL(berth.url).host}\r\n`;
    for (const [size, count] of [
      [20_000, 1],
      [4_000, 12],
      [1_000_000, 1],
    ] as const) {
      const lines = `X-Huge: ${"x".repeat(size)}\r\n`.repeat(count);
      const all = await Promise.all(
        Array.from({ length: 20 }, () => provoke(new URL(berth.url), `${head}${lines}\r\n`)),
      );
      for (const statuses of all) for (const status of statuses) expect([400, 413, 431]).toContain(status);
    }
    await expectBounded(before);
  });

  it("of sockets that nobody reads holds their services, and nobody else", async () => {
    const before = await memory();
    await using stack = new AsyncDisposableStack();
    for (let count = 0; count < 8; count += 1) {
      const [download, flood] = [freshKey(), freshKey()];
      const unread = stack.use(await begin(access, { path: `/download?bytes=${256 * MIB}&key=${download}` }));
      await unread.finalHead();
      const talk = stack.use(await Talk.open(access, `/ws/flood?bytes=${256 * MIB}&key=${flood}`));
      talk.socket.pause();
      for (const key of [download, flood])
        await untilHeld(
          access,
          key,
          "the service to be held",
          ({ sent, idleMs }) => sent > 0 && idleMs > 200,
        );
    }
    await expectBounded(before);
  });

  it("of frames that a service does not read holds whoever sends them", async () => {
    const before = await memory();
    const key = freshKey();
    await using talk = await Talk.open(access, `/ws/stall?key=${key}`);
    // A sender that is held keeps what it could not send in its own memory.
    for (let count = 0; count < 64; count += 1) talk.socket.send(Buffer.alloc(MIB));
    for (let count = 0; count < 20_000; count += 1) talk.socket.send("x");
    await expectBounded(before);
    // It would be given half a minute to take its leave.
    await act(access, key, "destroy");
  });

  it("of requests to one session is refused with the time to wait, and its log is still there", async () => {
    await using stack = new AsyncDisposableStack();
    const held: RawConnection[] = [];
    const open = async (index: number): Promise<void> => {
      if (index % 2 === 0) {
        stack.use(await Talk.open(access, "/ws/echo"));
        return;
      }
      const connection = stack.use(await begin(access, { path: "/hold?head=now" }));
      const { status } = await connection.finalHead();
      if (status !== 200) throw new Error(`answered ${status}`);
      held.push(connection);
    };
    // What the floods before this one held is let go of a moment after they have ended.
    for (let index = 0; index < LIMITS.STREAMS; index += 1)
      await eventually(() => open(index).then(() => true), { what: "room for a stream" });
    for (const headers of [[], [["Accept", "text/html"]]] as const) {
      const refused = await exchange(access, { headers });
      expect([refused.status, valueOf(refused.headers, "retry-after")]).toEqual([429, "5"]);
      expect(refused.body.toString()).toContain("The session answers too many requests at once");
    }
    await expect(Talk.open(access, "/ws/echo")).rejects.toThrow("429");
    expect((await berth.fetch(`/api/sessions/${session.id}/logs`)).status).toBe(200);
    held[0]?.reset();
    await eventually(async () => (await exchange(access, {})).status === 200, { what: "room for another" });
  });

  it("of followers is refused with the time to wait", async () => {
    const stop = new AbortController();
    const follow = (): Promise<Response> => berth.fetch("/api/events", { signal: stop.signal });
    try {
      const answers = await Promise.all(Array.from({ length: LIMITS.FOLLOWERS }, follow));
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      const refused = await follow();
      expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
      await expectAnswers();
    } finally {
      stop.abort();
    }
    await eventually(async () => {
      const again = await berth.fetch("/api/events");
      await again.body?.cancel();
      return again.status === 200;
    });
  });

  it("of launches stops at the limit, and says when to come back", async () => {
    const chatty = await berth.launch({ service: "chatty" });
    const launch = (key?: string): Promise<Response> =>
      berth.fetch("/api/sessions", {
        method: "POST",
        body: JSON.stringify({ service: "sleeper" }),
        headers: {
          "content-type": "application/json",
          ...(key === undefined ? {} : { "idempotency-key": key }),
        },
      });
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) => launch(`storm-${index % 50}`)),
    );
    for (const { status, headers } of answers)
      if (status !== 201 && status !== 200) {
        expect(status).toBe(429);
        expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
      }
    const launched = (await berth.sessions()).map(({ createdAt }) => Date.parse(createdAt));
    // The target's own launch may be longer ago by now.
    const within = launched.filter((at) => at > Math.max(...launched) - MINUTE);
    expect(within).toHaveLength(LIMITS.LAUNCHES);
    const created = answers.filter(({ status }) => status === 201);
    expect(launched).toHaveLength(created.length + 2);
    await expectAnswers();

    // Meanwhile one of them floods its log, which somebody follows and does not read.
    const before = await memory();
    const unread = await begin(
      { base: new URL(berth.url), headers: access.headers },
      { path: `/api/sessions/${chatty.id}/logs?follow=1` },
    );
    await using _ended = unread;
    await unread.finalHead();
    await eventually(
      async () => {
        const { size } = await stat(join(berth.home, "sessions", chatty.id, "log"));
        return size >= 64 * MIB;
      },
      { timeoutMs: 90_000, what: "all of the log" },
    );
    await expectBounded(before);
  });
});

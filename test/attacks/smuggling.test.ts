import { sample } from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AMBIGUOUS, BROKEN_HEADS, provoke } from "../proxy/chapters/malformed-requests.ts";
import { Berth } from "../support/berth.ts";
import { RawConnection } from "../support/raw-http.ts";
import { randomBytes } from "./support/random-bytes.ts";

const CONNECTIONS = 400;
const AT_ONCE = 40;
const SEED = 20_261_123;

let berth: Berth;
let url: URL;
let authorization: string;
/** What a smuggled request would launch. */
const launches = async (): Promise<number> => (await berth.sessions()).length;

beforeAll(async () => {
  berth = await Berth.start({ services: { sleeper: { "start_template.sh": "sleep 600\n" } } });
  url = new URL(berth.url);
  authorization = `Authorization: Bearer ${await berth.token()}`;
});

afterAll(async () => {
  await berth[Symbol.asyncDispose]();
});

const launch = (): string => {
  const body = '{"service":"sleeper"}';
  const lines = ["POST /api/sessions HTTP/1.1", `Host: ${url.host}`, authorization];
  return [...lines, "Content-Type: application/json", `Content-Length: ${body.length}`, "", body].join(
    "\r\n",
  );
};

describe("a request within another's body", () => {
  it("would launch where it were a request of its own", async () => {
    const before = await launches();
    await using connection = await RawConnection.open(url);
    await connection.send(launch());
    expect((await connection.answer()).status).toBe(201);
    expect(await launches()).toBe(before + 1);
  });

  // An upgrade that is passed over leaves a request without a body, and behind that any other may follow.
  const within = AMBIGUOUS.filter(([what]) => what !== "an upgrade and a request behind it");

  it.each(within)("is none, by %s", async (_what, spell) => {
    const before = await launches();
    const { headers, body } = spell(launch());
    const head = ["POST /api/login-links HTTP/1.1", `Host: ${url.host}`, authorization, ...headers];
    const statuses = await provoke(url, `${head.join("\r\n")}\r\n\r\n${body}`);
    expect(await launches()).toBe(before);
    for (const status of statuses) expect([201, 400, 403, 413, 417, 426, 501]).toContain(status);
  });

  it.each([
    "Connection: Upgrade\r\nUpgrade: websocket",
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c",
  ])("is none behind an upgrade that is refused: %j", async (upgrade) => {
    const before = await launches();
    // The agent's road, which takes no token of a program's.
    const head = `GET /agent/link HTTP/1.1\r\nHost: ${url.host}\r\n${authorization}\r\n${upgrade}\r\n`;
    const smuggled = launch();
    const statuses = await provoke(url, `${head}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`);
    expect(await launches()).toBe(before);
    for (const status of statuses) expect(status).toBeGreaterThanOrEqual(400);
  });
});

describe("a head that no client sends", () => {
  // The runtime itself refuses CONNECT, which no Worker is asked.
  it.each(BROKEN_HEADS.filter(([what]) => what !== "CONNECT"))(
    "%s is one request, or none",
    async (_what, spell) => {
      const start = `GET /healthz HTTP/1.1\r\nHost: ${url.host}\r\n`;
      const statuses = await provoke(url, spell(start));
      expect(statuses.length).toBeLessThanOrEqual(1);
      for (const status of statuses) expect(status).not.toBe(500);
      expect((await berth.fetch("/api/agent")).status).toBe(200);
    },
  );
});

it(`${CONNECTIONS} connections with random bytes end in no error of Berth's own, and harm nobody`, async () => {
  const texts = sample(randomBytes, { numRuns: CONNECTIONS, seed: SEED });
  for (let from = 0; from < texts.length; from += AT_ONCE) {
    const batch = texts.slice(from, from + AT_ONCE);
    const answers = await Promise.all(batch.map(async (text) => [text, await provoke(url, text)] as const));
    for (const [text, statuses] of answers)
      expect([text, statuses]).not.toEqual([text, expect.arrayContaining([500])]);
  }
  expect(await (await berth.fetch("/api/agent")).json()).toMatchObject({ online: true });
  expect(berth.output).not.toMatch(/restarted|exited/);
});

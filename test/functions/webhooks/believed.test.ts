import { createExecutionContext, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { app } from "../../../functions/app.ts";
import type { Env } from "../../../functions/env.ts";
import { partOf } from "../../../functions/workspace/parts.ts";
import { TestAgent } from "../support/agent.ts";
import { asApi, ask, CONSOLE, problemOf, SESSIONS, workspace } from "../support/edge.ts";
import { person } from "../support/people.ts";
import { readPrometheus } from "../support/prometheus.ts";
import {
  call,
  messageId,
  NEW_KEY,
  OLD_KEY,
  send,
  signedRequest,
  spell,
  type Spelling,
} from "../support/webhooks.ts";

afterEach(reset);

const STATUS = { user: "local" };
const STRANGE_KEY = "whsec_c3RyYW5nZS1rZXktb2Ytbm8tb25lLXdlLWtub3c=";
const text = spell("session.status", STATUS);
const MINUTE = 60_000;
const MiB = 1_048_576;

/** A body of so many bytes, given out as it is read; counts them. */
function counted(size: number): {
  body: ReadableStream<Uint8Array>;
  given: () => number;
  isCanceled: () => boolean;
} {
  let given = 0;
  let isCanceled = false;
  const chunk = new Uint8Array(65_536).fill(0x20);
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (given >= size) return controller.close();
      given += chunk.byteLength;
      controller.enqueue(chunk);
    },
    cancel() {
      isCanceled = true;
    },
  });
  return { body, given: () => given, isCanceled: () => isCanceled };
}

describe("a call of the platform's", () => {
  it("is believed by the new key, and by the old one while it is there", async () => {
    for (const keys of [[NEW_KEY], [OLD_KEY], [STRANGE_KEY, OLD_KEY], [OLD_KEY, NEW_KEY]])
      expect((await call("session.status", STATUS, { keys })).status).toBe(200);
  });

  it("may come from a clock that is some minutes off", async () => {
    for (const minutes of [-4, 4]) {
      const response = await call("session.status", STATUS, { at: Date.now() + minutes * MINUTE });
      expect(response.status).toBe(200);
    }
  });

  it.each([
    ["another key", { keys: [STRANGE_KEY] }],
    ["no signature", { headers: { "webhook-signature": null } }],
    ["no id", { headers: { "webhook-id": null } }],
    ["no time", { headers: { "webhook-timestamp": null } }],
    ["another id", { headers: { "webhook-id": "msg_other" } }],
    ["a time that is over", { at: Date.now() - 6 * MINUTE }],
    ["a time to come", { at: Date.now() + 6 * MINUTE }],
    [
      "an old signature and a new time",
      { at: Date.now() - 6 * MINUTE, headers: { "webhook-timestamp": `${Math.floor(Date.now() / 1000)}` } },
    ],
    ["one byte of the body altered", { body: text.replace("local", "locaL") }],
    ["one byte more", { body: `${text}\n` }],
    ["a signature that has no end", { headers: { "webhook-signature": "v1,AAAA ".repeat(500).trim() } }],
    ["the API's token in its place", { keys: [], headers: asApi }],
  ])("is refused with %s, and never says what it was", async (_what, spelling) => {
    const response = await send(text, spelling);
    expect(await problemOf(response)).toMatchObject({
      status: 401,
      code: "invalid_signature",
      detail: "the message's id, time and signatures do not make it believed",
    });
  });

  it("is told what is wrong with it once it is believed", async () => {
    const problem = async (body: string) => problemOf(await send(body));
    expect(await problem("{")).toMatchObject({ status: 400, code: "invalid_request" });
    expect(await problem("[]")).toMatchObject({ status: 400, code: "invalid_request" });
    expect(await problem(spell("session.status", {}))).toMatchObject({ status: 400, field: "data.user" });
    expect(await problem(JSON.stringify({ type: "session.status", data: STATUS }))).toMatchObject({
      status: 400,
      field: "timestamp",
    });
  });

  it("opens nothing but its own route", async () => {
    for (const [method, path] of [
      ["GET", "/webhooks/platform"],
      ["POST", "/api/sessions"],
      ["GET", "/"],
    ] as const) {
      const request = signedRequest(text);
      const body = method === "GET" ? null : text;
      const response = await ask(CONSOLE + path, { method, headers: request.headers, body });
      expect(response.status).toBe(401);
    }
  });

  it("is not taken on the applications' host", async () => {
    const request = signedRequest(text);
    const response = await ask(`${SESSIONS}/webhooks/platform`, {
      method: "POST",
      headers: request.headers,
      body: text,
    });
    expect(await problemOf(response)).toMatchObject({ status: 404, code: "not_found" });
  });
});

describe("a body of 10 MB", () => {
  it("is refused before a byte of it is read, when it says so", async () => {
    const { body, given } = counted(10 * MiB);
    const response = await send(text, { body, headers: { "content-length": String(10 * MiB) } });
    expect(await problemOf(response)).toMatchObject({ status: 413, code: "payload_too_large" });
    expect(given()).toBeLessThanOrEqual(2 * 65_536);
  });

  it("is refused once more than 1 MiB has come, when it does not", async () => {
    const { body, given, isCanceled } = counted(10 * MiB);
    const response = await send(text, { body });
    expect(await problemOf(response)).toMatchObject({ status: 413, code: "payload_too_large" });
    // The answer does not wait for the sender to hear that nobody reads on.
    await vi.waitFor(() => expect(isCanceled()).toBe(true), { timeout: 20_000 });
    expect(given()).toBeLessThan(2 * MiB);
  });

  it("of a sender who is not in time is not read at all", async () => {
    const { body, given } = counted(10 * MiB);
    const response = await send(text, { body, at: Date.now() - 6 * MINUTE });
    expect(response.status).toBe(401);
    expect(given()).toBeLessThanOrEqual(2 * 65_536);
  });

  it("has its limit at 1 MiB, to the byte", async () => {
    await using _agent = await TestAgent.connect();
    const padded = (size: number) => {
      const spelled = spell("session.status", STATUS);
      return spelled + " ".repeat(size - spelled.length);
    };
    expect((await send(padded(MiB))).status).toBe(200);
    expect((await send(padded(MiB + 1))).status).toBe(413);
  });
});

describe("an edge of many users", () => {
  /** Sends a message to an edge whose users come from an identity provider. */
  const tell = async (user: string, settings: Partial<Env> = {}): Promise<Response> => {
    const oidc = {
      BERTH_LOGIN: "oidc",
      BERTH_OIDC_ISSUER: "https://id.example.org",
      BERTH_OIDC_CLIENT_ID: "berth",
    };
    const request = signedRequest(spell("session.launch", { user, service: "notebook" }), {
      id: messageId(),
    });
    return app.fetch(request, { ...env, ...oidc, ...settings }, createExecutionContext());
  };

  it("launches in the workspace of whom the provider calls so", async () => {
    const ana = await person("ana");
    await partOf(env, ana.id, "access").login(ana, { agent: "", from: null, idToken: null });
    // Her workspace is another than the one of the tests' agent: no agent of hers has brought a catalogue yet.
    await using _agent = await TestAgent.connect();
    expect(await problemOf(await tell("ana"))).toMatchObject({
      code: "unknown_service",
      field: "data.service",
    });
    expect(await workspace().sessions("")).toEqual([]);
  });

  it("knows them however the operator spells the provider's address", async () => {
    const ana = await person("ana");
    await partOf(env, ana.id, "access").login(ana, { agent: "", from: null, idToken: null });
    const problem = await problemOf(await tell("ana", { BERTH_OIDC_ISSUER: "https://id.example.org/" }));
    expect(problem.code).toBe("unknown_service");
  });

  it("knows nobody who has never logged in", async () => {
    expect(await problemOf(await tell("bob"))).toMatchObject({
      status: 404,
      code: "unknown_user",
      field: "data.user",
      detail: 'data.user: "bob" has never logged in here',
    });
    expect(await problemOf(await tell("local"))).toMatchObject({ code: "unknown_user" });
  });

  it("takes no webhooks until it has a key", async () => {
    expect(await problemOf(await tell("ana", { BERTH_WEBHOOK_SECRETS: "" }))).toMatchObject({
      status: 404,
      code: "not_found",
    });
  });

  it.each(["dGhlLW5ldy1rZXktb2YtdGhlLXRlc3RzLWJ5dGVz", "whsec_c2hvcnQ=", "whsec_?", `${NEW_KEY} x`])(
    "refuses to run with the key %j, which it does not repeat",
    async (keys) => {
      const problem = await problemOf(await tell("ana", { BERTH_WEBHOOK_SECRETS: keys }));
      expect(problem).toMatchObject({ status: 503, code: "not_configured" });
      expect(problem.detail).toMatch(
        /^BERTH_WEBHOOK_SECRETS: key [12] is not "whsec_" and 24 to 64 bytes in base64$/,
      );
    },
  );

  it.each([
    "http://platform.example.org/hook",
    "ftp://platform.example.org/hook",
    "https://user:word@platform.example.org/hook",
    "http://localhost.example.org/hook",
    "platform.example.org",
  ])("refuses to tell %s", async (url) => {
    const settings = { BERTH_WEBHOOK_URL: url, BERTH_WEBHOOK_SIGNING_SECRETS: NEW_KEY };
    expect(await problemOf(await tell("ana", settings))).toMatchObject({ code: "not_configured" });
  });
});

describe("an address that sends what is not believed", () => {
  const [STRANGER, OTHER] = ["192.0.2.66", "192.0.2.67"];
  const forged = (from: string, spelling: Spelling = {}) =>
    send(text, { keys: [STRANGE_KEY], from, ...spelling });

  /** Sends until it is refused for it; more than an address has in a minute, though a minute may begin in between. */
  const exhaust = async (from: string): Promise<Response> => {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const response = await forged(from);
      if (response.status === 429) return response;
      expect(response.status).toBe(401);
    }
    throw new Error("nothing was refused");
  };

  const metric = async (code: string): Promise<number> => {
    const metrics = await (await ask(`${CONSOLE}/metrics`, { headers: asApi })).text();
    return readPrometheus(metrics).value("berth_webhook_refusals_total", { code }) ?? 0;
  };

  it("is told to wait, while others and the platform itself behind the same address are not", async () => {
    const response = await exhaust(STRANGER);
    expect(response.headers.get("retry-after")).toBe("60");
    expect(await problemOf(response)).toMatchObject({ code: "too_many_requests" });
    expect((await call("session.status", STATUS, { from: STRANGER })).status).toBe(200);
    expect((await forged(OTHER)).status).toBe(401);
  });

  it("may not do it by bodies that are too large either, of which none is read further", async () => {
    await exhaust(STRANGER);
    const { body, given } = counted(10 * MiB);
    expect((await forged(STRANGER, { body })).status).toBe(429);
    expect(given()).toBeLessThan(2 * MiB);
  });

  it("shows in the metrics", async () => {
    await exhaust(STRANGER);
    await vi.waitFor(
      async () => {
        // A report that died with another test is followed by one of a later refusal's.
        await forged(STRANGER);
        expect(await metric("invalid_signature")).toBeGreaterThan(0);
        expect(await metric("too_many_requests")).toBeGreaterThan(0);
      },
      { timeout: 25_000, interval: 200 },
    );
  });
});

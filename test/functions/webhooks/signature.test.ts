import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readHead, signedHeaders, verifyMessage } from "../../../functions/webhooks/signature.ts";

/**
 * The vector that the specification's own libraries are tested with (github.com/standard-webhooks/standard-webhooks:
 * libraries/go/webhook_test.go and its siblings), and a signature there of which no key is known.
 */
const VECTOR = {
  key: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
  timestamp: "1614265330",
  body: '{"test": 2432232314}',
  signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
};
const STRANGE_SIGNATURE = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
const OTHER_KEY = "whsec_dGhlLW9sZC1rZXktb2YtdGhlLXRlc3RzLWJ5dGVz";
const AT = Number(VECTOR.timestamp) * 1000;

type Changes = { id?: string; timestamp?: string; signature?: string };

/** Reads and verifies the vector's message, or what became of it. */
async function take(
  changes: Changes & { body?: string | Uint8Array; keys?: string[] } = {},
): Promise<string> {
  const { id, timestamp, signature, body, keys } = { ...VECTOR, keys: [VECTOR.key], ...changes };
  const headers = new Headers({
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": signature,
  });
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return verifyMessage(readHead(headers, Date.now()), bytes, keys);
}

const refusal = expect.objectContaining({
  name: "BerthError",
  code: "invalid_signature",
  message: "the message's id, time and signatures do not make it believed",
});

beforeEach(() => {
  vi.useFakeTimers({ now: AT, toFake: ["Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the Standard Webhooks vector", () => {
  it("is what a message of ours is signed with", () => {
    expect(signedHeaders({ id: VECTOR.id, body: VECTOR.body }, [VECTOR.key], AT)).toEqual({
      "webhook-id": VECTOR.id,
      "webhook-timestamp": VECTOR.timestamp,
      "webhook-signature": VECTOR.signature,
    });
  });

  it.each([
    ["alone", VECTOR.signature],
    ["among others", `${STRANGE_SIGNATURE} ${VECTOR.signature} ${STRANGE_SIGNATURE}`],
    ["after versions that nobody knows", `v2,abc v1a,${VECTOR.signature.slice(3)} ${VECTOR.signature}`],
    ["after what is no signature", `abc v1 v1, , ${VECTOR.signature}`],
  ])("is believed with its signature %s", async (_where, signature) => {
    expect(await take({ signature })).toBe(VECTOR.body);
  });

  it("is believed by any of several keys", async () => {
    expect(await take({ keys: [OTHER_KEY, VECTOR.key] })).toBe(VECTOR.body);
    expect(await take({ keys: [VECTOR.key, OTHER_KEY] })).toBe(VECTOR.body);
  });

  it.each([
    ["another key", { keys: [OTHER_KEY] }],
    ["another id", { id: "msg_p5jXN8AQM9LWM0D4loKWxJeL" }],
    ["another time", { timestamp: "1614265331" }],
    ["another body", { body: '{"test": 2432232315}' }],
    ["a byte more", { body: `${VECTOR.body} ` }],
    ["a byte order mark", { body: `\uFEFF${VECTOR.body}` }],
    ["no body", { body: "" }],
    ["a body that is not UTF-8", { body: Uint8Array.of(0x7b, 0xff, 0x7d) }],
    ["another signature", { signature: STRANGE_SIGNATURE }],
    ["its signature as another version", { signature: VECTOR.signature.replace("v1", "v1a") }],
    ["its signature without a version", { signature: VECTOR.signature.slice(3) }],
    ["half of its signature", { signature: VECTOR.signature.slice(0, 20) }],
    ["no signature", { signature: "" }],
  ])("is refused with %s", async (_what, changes) => {
    await expect(take(changes)).rejects.toThrow(refusal);
  });

  it("is refused with any one byte of its body changed", async () => {
    const bytes = new TextEncoder().encode(VECTOR.body);
    for (const [at, byte] of bytes.entries()) {
      const body = Uint8Array.from(bytes);
      body[at] = byte ^ 1;
      await expect(take({ body })).rejects.toThrow(refusal);
    }
  });
});

describe("a message that is no text", () => {
  it("is no request, whoever signed it", async () => {
    const body = Uint8Array.of(0x7b, 0xff, 0x7d);
    const signed = Uint8Array.from([
      ...new TextEncoder().encode(`${VECTOR.id}.${VECTOR.timestamp}.`),
      ...body,
    ]);
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const raw = Uint8Array.fromBase64(VECTOR.key.slice("whsec_".length));
    const key = await crypto.subtle.importKey("raw", raw, algorithm, false, ["sign"]);
    const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, signed));
    await expect(take({ body, signature: `v1,${mac.toBase64()}` })).rejects.toMatchObject({
      code: "invalid_request",
    });
  });
});

describe("a message's time", () => {
  it("may be five minutes from ours, either way", async () => {
    for (const seconds of [0, 299, 300, -299, -300]) {
      vi.setSystemTime(AT + seconds * 1000);
      expect(await take()).toBe(VECTOR.body);
    }
  });

  it.each([301, 3600, 315_360_000, -301, -3600])("is refused %i s from ours", async (seconds) => {
    vi.setSystemTime(AT + seconds * 1000);
    await expect(take()).rejects.toThrow(refusal);
  });

  it.each([
    "",
    "now",
    "1614265330.0",
    "+1614265330",
    "0x6037b9b2",
    "1614265330abc",
    "1.6e9",
    "1614265330,1614265330",
  ])("is refused as %j", async (timestamp) => {
    await expect(take({ timestamp })).rejects.toThrow(refusal);
  });
});

describe("a message's id", () => {
  it.each(["", "msg.1614265330", "msg 1", `msg_${"x".repeat(130)}`, "msg_1,msg_2"])(
    "is refused as %j",
    async (id) => {
      const signed = signedHeaders({ id, body: VECTOR.body }, [VECTOR.key], AT);
      await expect(take({ id, signature: signed["webhook-signature"] ?? "" })).rejects.toThrow(refusal);
    },
  );

  it("cannot take a part of the body for the time", async () => {
    // What is signed is the same text, `a.1614265330.1614265330.{}`, parted at another full stop.
    const signed = signedHeaders({ id: "a", body: `${VECTOR.timestamp}.{}` }, [VECTOR.key], AT);
    const signature = signed["webhook-signature"] ?? "";
    await expect(take({ id: `a.${VECTOR.timestamp}`, body: "{}", signature })).rejects.toThrow(refusal);
  });
});

describe("what a message of ours is signed with", () => {
  it("is every key, so that a receiver may know the old one or the new one", async () => {
    const message = { id: "msg_1", body: '{"name":"Grüße 🚢"}' };
    const signed = signedHeaders(message, [OTHER_KEY, VECTOR.key], AT);
    const signature = signed["webhook-signature"] ?? "";
    expect(signature.split(" ")).toHaveLength(2);
    for (const key of [OTHER_KEY, VECTOR.key])
      expect(await take({ ...message, signature, keys: [key] })).toBe(message.body);
  });
});

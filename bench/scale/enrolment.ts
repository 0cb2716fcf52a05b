import { generateKeyPairSync, sign } from "node:crypto";
import { EnrolmentStart, EnrolmentState, pollText } from "../../contract/enrolment.ts";
import { PROTOCOL_VERSION } from "../../contract/version.ts";
import type { AccessProxy } from "./access-proxy.ts";

const VERSION = "0.1.0";

async function ask(url: string, init: RequestInit, expected: number): Promise<Response> {
  const response = await fetch(url, { redirect: "manual", ...init });
  if (response.status === expected) return response;
  throw new Error(`${init.method} ${new URL(url).pathname}: ${response.status} ${await response.text()}`);
}

const posted = (json: object): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(json),
});

/** Logs a new user in, as the access proxy lets them, and enrols one agent for them as `berth join` does: its token. */
export async function enrol(origin: string, proxy: AccessProxy, subject: string): Promise<string> {
  const shown = await proxy.headers(subject);
  const login = await ask(`${origin}/login`, { method: "GET", headers: shown }, 302);
  const cookie = login.headers.getSetCookie().map((set) => set.split(";", 1)[0] ?? "");
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  // A JWK of this kind has the key's 32 bytes in base64url as `x` (RFC 8037, section 2).
  const { x: key } = publicKey.export({ format: "jwk" });
  const machine = { host: `${subject}.example.org`, user: subject, version: VERSION };
  const asking = posted({ ...machine, protocol: PROTOCOL_VERSION, key });
  const started = await ask(`${origin}/enroll/start`, asking, 201);
  const { deviceCode, userCode } = EnrolmentStart.parse(await started.json());
  const approval = new URLSearchParams({ code: userCode, decision: "approve", replaces: "" });
  const headers = { ...shown, cookie: cookie.join("; "), origin };
  await ask(`${origin}/join`, { method: "POST", headers, body: approval }, 303);
  const text = Buffer.from(pollText(new URL(origin).host, deviceCode, 1));
  const proof = sign(null, text, privateKey).toString("base64url");
  const polled = await ask(`${origin}/enroll/poll`, posted({ deviceCode, turn: 1, proof }), 200);
  const state = EnrolmentState.parse(await polled.json());
  if (state.status !== "approved") throw new Error(`the enrolment is ${state.status}`);
  return state.token;
}

import { exports } from "cloudflare:workers";
import {
  type EnrolmentRequest,
  EnrolmentStart,
  EnrolmentState,
  pollText,
} from "../../../contract/enrolment.ts";
import { PROTOCOL_VERSION } from "../../../contract/version.ts";
import { sshFingerprint } from "../../../functions/auth/ssh-fingerprint.ts";
import type { Browser } from "./browser.ts";
import { CONSOLE } from "./edge.ts";

const BASE64 = { alphabet: "base64url", omitPadding: true } as const;

/** A machine that runs `berth join`, with a key of its own. */
export class JoiningAgent {
  readonly key: string;
  readonly fingerprint: string;
  readonly #private: CryptoKey;
  #started: EnrolmentStart | undefined;
  #turn = 0;

  private constructor(key: string, fingerprint: string, privateKey: CryptoKey) {
    this.key = key;
    this.fingerprint = fingerprint;
    this.#private = privateKey;
  }

  static async make(): Promise<JoiningAgent> {
    const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
    if (!("privateKey" in pair)) throw new Error("no pair");
    const raw = new Uint8Array((await crypto.subtle.exportKey("raw", pair.publicKey)) as ArrayBuffer);
    return new JoiningAgent(raw.toBase64(BASE64), await sshFingerprint(raw), pair.privateKey);
  }

  /** One that has asked, and waits. */
  static async started(changes: Partial<EnrolmentRequest> = {}): Promise<JoiningAgent> {
    const agent = await JoiningAgent.make();
    const response = await agent.start(changes);
    if (response.status !== 201) throw new Error(`start: ${response.status} ${await response.text()}`);
    agent.#started = EnrolmentStart.parse(await response.json());
    return agent;
  }

  get codes(): EnrolmentStart {
    if (this.#started === undefined) throw new Error("it has not asked");
    return this.#started;
  }

  start(changes: object = {}, headers: Record<string, string> = {}): Promise<Response> {
    const request = {
      host: "hopper",
      user: "ana",
      version: "0.1.0",
      protocol: PROTOCOL_VERSION,
      key: this.key,
    };
    return post("/enroll/start", { ...request, ...changes }, headers);
  }

  /** A signed poll as it goes over the wire. */
  async signed(changes: { deviceCode?: string; turn?: number; host?: string } = {}): Promise<object> {
    this.#turn += 1;
    const { deviceCode = this.codes.deviceCode, turn = this.#turn, host = new URL(CONSOLE).host } = changes;
    const text = new TextEncoder().encode(pollText(host, deviceCode, turn));
    const signature = await crypto.subtle.sign("Ed25519", this.#private, text);
    return { deviceCode, turn, proof: new Uint8Array(signature).toBase64(BASE64) };
  }

  async poll(): Promise<EnrolmentState> {
    return EnrolmentState.parse(await (await post("/enroll/poll", await this.signed())).json());
  }
}

/** Sends JSON as a stranger does; with `cf-connecting-ip` from that address, as behind Cloudflare's edge. */
export function post(path: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  const request = new Request(CONSOLE + path, {
    method: "POST",
    headers: { "content-type": "application/json", "cf-connecting-ip": anyAddress(), ...headers },
    body: JSON.stringify(body),
    cf: {},
  });
  return exports.default.fetch(request);
}

/** Each machine has an address of its own, unless a test says which. */
const anyAddress = (): string => `2001:db8:${[...crypto.getRandomValues(new Uint8Array(2))].join(":")}::1`;

/** Sends the form of the console's page, with the agent that is to go, if it names one. */
export function decide(
  browser: Browser,
  code: string,
  decision: "approve" | "deny",
  options: { replaces?: string; origin?: string } = {},
): Promise<Response> {
  const { replaces = "", origin = CONSOLE } = options;
  return browser.go(`${CONSOLE}/join`, {
    method: "POST",
    headers: { origin },
    body: new URLSearchParams({ code, decision, replaces }),
  });
}

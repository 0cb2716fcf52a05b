import { hostname, userInfo } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { z } from "zod";
import { EnrolmentStart, EnrolmentState, type EnrolmentRequest, pollText } from "../contract/enrolment.ts";
import { BerthError, Problem } from "../contract/problem.ts";
import { PROTOCOL_VERSION } from "../contract/version.ts";
import type { AgentKey } from "./agent-key.ts";
import type { Joined } from "./joined.ts";
import { VERSION } from "./version.ts";

/** An edge that does not answer for so long is asked again. Milliseconds. */
const REQUEST_TIMEOUT_MS = 15_000;

type Approved = Extract<EnrolmentState, { status: "approved" }>;

/** Who has let this machine in, at which edge, with which token. */
export type Approval = Joined & Pick<Approved, "user" | "account">;

/** One request to join an edge: begun, shown to a person, and asked about until it is decided. */
export class Enrolment {
  readonly started: EnrolmentStart;
  /** When it expires, by `performance.now()`. */
  readonly deadline: number;
  readonly #edge: URL;
  readonly #key: AgentKey;
  #turn = 0;

  private constructor(edge: URL, key: AgentKey, started: EnrolmentStart) {
    this.#edge = edge;
    this.#key = key;
    this.started = started;
    this.deadline = performance.now() + started.expiresIn * 1000;
  }

  /** @throws BerthError what the edge says, or `edge_unreachable` */
  static async start(edge: URL, key: AgentKey, signal: AbortSignal): Promise<Enrolment> {
    const request: EnrolmentRequest = {
      host: hostname(),
      user: userInfo().username,
      version: VERSION,
      protocol: PROTOCOL_VERSION,
      key: key.public,
    };
    const started = await post(edge, "/enroll/start", request, EnrolmentStart, signal);
    return new Enrolment(edge, key, started);
  }

  /**
   * Asks until somebody has decided. An edge that is away for a moment is asked again.
   * @throws BerthError `enrolment_over` when it was denied or has expired; AbortError by the signal
   */
  async approved(signal: AbortSignal): Promise<Approval> {
    const { deviceCode, interval } = this.started;
    let pause = interval;
    while (performance.now() < this.deadline) {
      await delay(pause * 1000, undefined, { signal });
      const state = await this.#poll(deviceCode, signal);
      switch (state?.status) {
        case undefined:
        case "pending":
          break;
        case "slow_down":
          pause = state.interval;
          break;
        case "approved":
          return this.#approval(state);
        case "denied":
          throw new BerthError("enrolment_over", `the edge refuses this machine: ${state.reason}`);
        case "expired":
          throw expired();
        default:
          state satisfies never;
      }
    }
    throw expired();
  }

  #approval({ token, name, user, account }: Approved): Approval {
    return { edge: this.#edge, token, name, user, account };
  }

  /** Undefined when the edge could not be asked. */
  async #poll(deviceCode: string, signal: AbortSignal): Promise<EnrolmentState | undefined> {
    this.#turn += 1;
    const proof = this.#key.sign(pollText(this.#edge.host, deviceCode, this.#turn));
    const body = { deviceCode, turn: this.#turn, proof };
    try {
      return await post(this.#edge, "/enroll/poll", body, EnrolmentState, signal);
    } catch (error) {
      const isPassing = error instanceof BerthError && (error.status >= 500 || error.status === 429);
      if (!isPassing) throw error;
      return undefined;
    }
  }
}

/**
 * Gives up an agent's rights at its edge.
 * @returns what was in the way; undefined when they are gone, also when they were gone before
 */
export async function leave({ edge, token }: Joined): Promise<string | undefined> {
  try {
    const response = await fetch(new URL("/agent/leave", edge), {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      redirect: "error",
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const problem = response.ok ? undefined : Problem.safeParse(await response.json()).data;
    if (response.ok || problem?.code === "agent_revoked") return undefined;
    return `${edge.origin} answered ${problem?.detail ?? response.status}`;
  } catch {
    return `${edge.origin} does not answer`;
  }
}

const expired = (): BerthError => new BerthError("enrolment_over", "nobody approved this machine in time");

async function post<Schema extends z.ZodType>(
  edge: URL,
  path: string,
  body: object,
  schema: Schema,
  signal: AbortSignal,
): Promise<z.infer<Schema>> {
  const response = await fetch(new URL(path, edge), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    redirect: "error",
    signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
  }).catch((cause: unknown) => {
    if (signal.aborted) throw cause;
    throw new BerthError("edge_unreachable", `the edge does not answer at ${edge.origin}`, { cause });
  });
  const json: unknown = await response.json().catch(() => undefined);
  if (response.ok) {
    const read = schema.safeParse(json);
    if (read.success) return read.data;
    throw new BerthError(
      "protocol_mismatch",
      `what answers at ${edge.origin} does not speak as Berth's edge does`,
    );
  }
  const problem = Problem.safeParse(json);
  if (problem.success) throw BerthError.from(problem.data);
  throw new BerthError(
    "edge_unreachable",
    `no edge of Berth's answers at ${edge.origin} (${response.status})`,
  );
}

import type { StreamKind } from "../contract/frames.ts";

/** Something that is counted: for the operator's metrics. */
type Counter = {
  help: string;
  /** What tells its series apart; null: it has one. */
  label: string | null;
};

/** Everything that the workspaces count; metrics name each `berth_<name>_total`. */
export const COUNTERS = {
  links_opened: { help: "Links that agents have opened.", label: null },
  links_lost: { help: "Links that have ended, for whatever reason.", label: null },
  protocol_mismatches: { help: "Agents refused for the version of their protocol.", label: null },
  relayed_requests: { help: "Requests for applications, WebSocket upgrades included.", label: null },
  relay_bytes: { help: "Bytes of bodies and messages relayed, as agents count them.", label: "direction" },
  relay_errors: { help: "Requests for applications that had no answer, by why.", label: "code" },
  webhook_deliveries: { help: "Attempts to deliver a webhook, by how they went.", label: "outcome" },
} as const satisfies Record<string, Counter>;

export type CounterName = keyof typeof COUNTERS;

/** Counts in memory: what a relayed request pays for it is one addition. The registry adds up (registry/totals.ts). */
export class Counters {
  /** Names this life of the object, in which the counts began at nothing. */
  readonly run: string = crypto.randomUUID();
  /** Called for each count. */
  onCount: () => void = () => undefined;
  readonly #values = new Map<string, number>();
  #open: Readonly<Record<StreamKind, number>> = { http: 0, sse: 0, websocket: 0 };

  add(name: CounterName, label = "", amount = 1): void {
    const key = label === "" ? name : `${name} ${label}`;
    this.#values.set(key, (this.#values.get(key) ?? 0) + amount);
    this.onCount();
  }

  /** The relayed streams that are open: of what comes and goes, how many there are. */
  get open(): Readonly<Record<StreamKind, number>> {
    return this.#open;
  }

  set open(open: Readonly<Record<StreamKind, number>>) {
    const { http, sse, websocket } = this.#open;
    if (open.http === http && open.sse === sse && open.websocket === websocket) return;
    this.#open = open;
    this.onCount();
  }

  /** By name, or by name and label with a space between. */
  get values(): Record<string, number> {
    return Object.fromEntries(this.#values);
  }
}

import { SESSION_STATES } from "../../contract/session.ts";
import { type CounterName, COUNTERS } from "../counters.ts";
import type { OpenStreams } from "./open-streams.ts";
import type { Family, Sample } from "./prometheus.ts";
import type { Totals } from "./totals.ts";
import type { Users } from "./users.ts";

const gauge = (name: string, help: string, samples: readonly Sample[]): Family => ({
  name,
  help,
  type: "gauge",
  samples,
});

/** What the operator's monitoring reads; see prometheus.ts. */
export class Metrics {
  readonly #users: Users;
  readonly #totals: Totals;
  readonly #openStreams: OpenStreams;

  constructor(users: Users, totals: Totals, openStreams: OpenStreams) {
    this.#users = users;
    this.#totals = totals;
    this.#openStreams = openStreams;
  }

  async families(): Promise<Family[]> {
    const { users, agents, online, dead, sessions } = await this.#users.totals();
    const totals = this.#totals.all();
    const bySession = SESSION_STATES.map((state) => ({ labels: { state }, value: sessions[state] }));
    return [
      gauge("berth_users", "Users whose workspace has told of itself.", [{ value: users }]),
      gauge("berth_agents", "Agents by whether their link is up.", [
        { labels: { link: "up" }, value: online },
        { labels: { link: "down" }, value: agents - online },
      ]),
      gauge(
        "berth_sessions",
        "Sessions by state. Of those that have ended, the newest of each user.",
        bySession,
      ),
      gauge(
        "berth_relay_open_streams",
        "Relayed requests and WebSockets that are open, by kind, as agents tell.",
        Object.entries(this.#openStreams.totals()).map(([kind, value]) => ({ labels: { kind }, value })),
      ),
      gauge("berth_webhooks_dead", "Webhooks that could not be delivered and wait for an operator.", [
        { value: dead },
      ]),
      {
        name: "berth_actions_total",
        help: "Entries of the audit log, by action.",
        type: "counter",
        samples: labelled("actions", "action", totals),
      },
      {
        name: "berth_webhook_refusals_total",
        help: "Webhook calls that were not believed, by what they were answered.",
        type: "counter",
        samples: labelled("webhook_refusals", "code", totals),
      },
      ...Object.keys(COUNTERS).map((name) => counter(name as CounterName, totals)),
      {
        name: "berth_registry_report_wait_seconds",
        help: "How long changes waited until the registry knew of them.",
        type: "summary",
        samples: [
          { suffix: "_sum", value: (totals.get("reports_waited_ms") ?? 0) / 1000 },
          { suffix: "_count", value: totals.get("reports") ?? 0 },
        ],
      },
    ];
  }
}

type All = ReadonlyMap<string, number>;

/** The series of a total that a label tells apart: those that there are. */
function labelled(key: string, label: string, totals: All): Sample[] {
  return [...totals].flatMap(([each, value]) =>
    each.startsWith(`${key} `) ? [{ labels: { [label]: each.slice(key.length + 1) }, value }] : [],
  );
}

function counter(name: CounterName, totals: All): Family {
  const { help, label } = COUNTERS[name];
  const samples = label === null ? [{ value: totals.get(name) ?? 0 }] : labelled(name, label, totals);
  return { name: `berth_${name}_total`, help, type: "counter", samples };
}

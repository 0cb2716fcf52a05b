import type { AgentFrame, EdgeFrame, Frame } from "../../contract/frames.ts";
import type { Mismatch } from "../../contract/agent-status.ts";
import type { Resource } from "../../contract/resource.ts";
import { isEnded } from "../../contract/session.ts";
import { PROTOCOL_VERSION } from "../../contract/version.ts";
import type { Counters } from "../counters.ts";
import type { Limits } from "../limits.ts";
import type { Access } from "./access.ts";
import type { Agents } from "./agents.ts";
import type { Answers } from "./answers.ts";
import type { Caller } from "./api.ts";
import type { Audit } from "./audit.ts";
import type { Feed } from "./feed.ts";
import type { LinkedAgent, LinkHandler } from "./link.ts";
import type { RegistrySync } from "./registry-sync.ts";
import type { Reports } from "./reports.ts";
import type { Shares } from "./shares.ts";
import type { Store } from "./store.ts";
import { Traffic } from "./traffic.ts";

export type ConversationOptions = {
  store: Store;
  reports: Reports;
  feed: Feed;
  answers: Answers;
  agents: Agents;
  access: Access;
  shares: Shares;
  audit: Audit;
  counters: Counters;
  registry: RegistrySync;
  limits: () => Limits;
  /** Keeps the object until something is done that nobody waits for. */
  waitUntil: (work: Promise<unknown>) => void;
};

/** What the agent says on its link, and what is done with it. */
export class Conversation implements LinkHandler {
  readonly #options: ConversationOptions;
  readonly #traffic: Traffic;

  constructor(options: ConversationOptions) {
    this.#options = options;
    this.#traffic = new Traffic(options.counters);
  }

  onHello(
    hello: Extract<AgentFrame, { type: "hello" }>,
    from: LinkedAgent,
  ): Extract<EdgeFrame, { type: "welcome" }> {
    const { store, reports, shares, feed, agents, counters, registry, limits, waitUntil } = this.#options;
    counters.add("links_opened");
    store.agent = hello.agent;
    if (store.mismatch !== null) store.mismatch = null;
    store.catalogue = hello.services;
    this.#setResources(hello.resources);
    reports.takeAll(hello.sessions);
    shares.endOver(Date.now());
    registry.agent(Date.now());
    queueMicrotask(() => feed.agent());
    this.#note("agent.online", from);
    waitUntil(agents.welcome(from, hello.agent.version, Date.now()));
    const wanted = store
      .sessions()
      .filter((stored) => !isEnded(stored.report?.state ?? "submitted"))
      .map(({ spec, want }) => ({ spec, want }));
    const { streams } = limits();
    const epoch = store.nextEpoch();
    return { type: "welcome", protocol: PROTOCOL_VERSION, epoch, wanted, limits: { streams } };
  }

  onFrame({ head, payload }: Frame<Exclude<AgentFrame, { type: "hello" }>>, from: LinkedAgent): void {
    const { store, feed, reports, shares, agents, access, answers, waitUntil } = this.#options;
    switch (head.type) {
      case "catalogue":
        store.catalogue = head.services;
        feed.agent();
        return;
      case "resources":
        this.#setResources(head.resources);
        return;
      case "report":
        reports.take(head.report);
        shares.endOver(Date.now());
        return;
      case "notify":
        reports.notify(head.session, head.level, head.text);
        return;
      case "token_kept":
        agents.kept(from.token);
        return;
      case "active":
        access.keep(head.visitors);
        if (head.traffic !== undefined) this.#traffic.take(head.traffic, Date.now());
        shares.keep(head.visitors);
        return;
      default: {
        // Not awaited: an answer waits for its browser, and the link must not wait with it.
        const work = answers.receive({ head, payload });
        if (work !== undefined) waitUntil(work);
      }
    }
  }

  async onLost(): Promise<void> {
    const { counters, registry, feed, answers } = this.#options;
    counters.add("links_lost");
    this.#traffic.end();
    registry.agent(Date.now());
    feed.agent();
    await answers.lose();
  }

  onDown(from: LinkedAgent): void {
    this.#note("agent.offline", from);
  }

  onMismatch(mismatch: Mismatch): void {
    const { counters, registry, store, feed } = this.#options;
    counters.add("protocol_mismatches");
    registry.changed();
    store.mismatch = mismatch;
    feed.agent();
  }

  #note(action: "agent.online" | "agent.offline", { user }: LinkedAgent): void {
    const { agent } = this.#options.store;
    const by: Caller = { user, name: "its agent", from: null, via: "agent" };
    const detail = agent === null ? undefined : `${agent.user}@${agent.host}`;
    this.#options.audit.note(action, by, { detail, at: Date.now() });
  }

  #setResources(resources: Resource[]): void {
    const { store, feed } = this.#options;
    if (JSON.stringify(resources) === JSON.stringify(store.resources)) return;
    store.resources = resources;
    feed.resources();
  }
}

import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import type { AgentFrame, Frame } from "../contract/frames.ts";
import { BerthError } from "../contract/problem.ts";
import { isEnded } from "../contract/session.ts";
import { PROTOCOL_VERSION } from "../contract/version.ts";
import { Catalogue } from "./catalogue.ts";
import type { AgentToken } from "./agent-token.ts";
import type { Config } from "./config.ts";
import { Link, type LinkFrame } from "./link.ts";
import { EdgeClient } from "./relay/edge-client.ts";
import { Relay } from "./relay/relay.ts";
import { OWN_SERVICES } from "./service-directories.ts";
import { userPath } from "./sessions/environment.ts";
import { Resources } from "./resources/resources.ts";
import { Sessions } from "./sessions/sessions.ts";
import { VERSION } from "./version.ts";

type Hello = Extract<AgentFrame, { type: "hello" }>;

/** The agent: sessions on this workspace, and the link by which the edge drives them. */
export class Agent implements AsyncDisposable {
  readonly #catalogue: Catalogue;
  readonly #resources: Resources;
  readonly #sessions: Sessions;
  readonly #link: Link;
  readonly #stack: AsyncDisposableStack;
  /** Resolves when the edge will not have this agent: trying again would change nothing. */
  readonly refused: Promise<BerthError>;
  /** Resolves at the edge's first welcome. */
  readonly online: Promise<void>;

  private constructor(
    catalogue: Catalogue,
    resources: Resources,
    sessions: Sessions,
    config: Config,
    token: AgentToken,
    log: Logger,
    stack: AsyncDisposableStack,
  ) {
    const refused = Promise.withResolvers<BerthError>();
    this.refused = refused.promise;
    const online = Promise.withResolvers<void>();
    this.online = online.promise;
    this.#catalogue = catalogue;
    this.#resources = resources;
    this.#sessions = sessions;
    this.#stack = stack;
    const edge = stack.use(
      new EdgeClient(
        config.edge,
        () => token.current,
        (head, payload) => this.#link.send(head, payload),
      ),
    );
    const relay = stack.use(
      new Relay(edge, {
        service: (id) => sessions.target(id),
        log: (id) => {
          const found = sessions.log(id);
          const isOver = (): boolean => isEnded(sessions.get(id)?.report.state ?? "failed");
          return found === undefined ? undefined : { log: found, isOver };
        },
      }),
    );
    this.#link = stack.use(
      new Link({
        url: config.edge,
        token: () => token.settled(),
        log,
        random: Math.random,
        hello: () => this.#hello(),
        onWelcome: ({ epoch, wanted, limits }) => {
          if (limits !== undefined) relay.limitStreams(limits.streams);
          log.info({ epoch, wanted: wanted.length }, "the link is up");
          sessions.reconcile(wanted);
          online.resolve();
        },
        onLost: () => relay.endAll(),
        onReplaced: () =>
          refused.resolve(new BerthError("agent_refused", "another agent has taken this workspace's link")),
        onRefused: (why) => refused.resolve(why),
        onFrame: ({ head, payload }: Frame<LinkFrame>) => {
          if (head.type === "want") sessions.reconcile([head.wanted]);
          else if (head.type === "token") this.#keep(token, head.token, log);
          else relay.receive({ head, payload });
        },
      }),
    );
    resources.onChange(() => this.#link.send({ type: "resources", resources: resources.reports() }));
    sessions.onReport((report) => {
      this.#link.send({ type: "report", report });
      if (isEnded(report.state)) relay.endSession(report.id, report.port);
    });
    sessions.onNotify((notice) => this.#link.send({ type: "notify", ...notice }));
    stack.use(catalogue.watch(() => this.#link.send({ type: "catalogue", services: catalogue.entries() })));
  }

  /** Finds this workspace's sessions again, and dials the edge. */
  static async start(config: Config, token: AgentToken, log: Logger): Promise<Agent> {
    const stack = new AsyncDisposableStack();
    const catalogue = await Catalogue.load([OWN_SERVICES, join(config.home, "services")], {
      path: userPath(process.env),
    });
    const resources = stack.use(await Resources.open({ home: config.home, log }));
    const sessions = stack.use(
      await Sessions.open({
        home: config.home,
        catalogue,
        resources,
        log,
        refusedPorts: [config.port],
        nodePath: process.execPath,
        logLimit: config.logLimit,
      }),
    );
    const agent = new Agent(catalogue, resources, sessions, config, token, log, stack);
    agent.#link.start();
    return agent;
  }

  /** Stops watching and closes the link. The sessions' processes go on. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  /** Writes a new token down, then says so: until then the edge takes the one before, too. */
  #keep(token: AgentToken, next: string, log: Logger): void {
    token.keep(next).then(
      () => this.#link.send({ type: "token_kept" }),
      (error: unknown) =>
        log.error({ error: String(error) }, "cannot write the new token down; the old one stays"),
    );
  }

  #hello(): Hello {
    return {
      type: "hello",
      protocol: PROTOCOL_VERSION,
      agent: { version: VERSION, host: hostname(), user: userInfo().username },
      services: this.#catalogue.entries(),
      resources: this.#resources.reports(),
      // What was typed into a form is the agent's alone from here on.
      sessions: this.#sessions.all().map(({ spec, report }) => ({ spec: { ...spec, inputs: {} }, report })),
    };
  }
}

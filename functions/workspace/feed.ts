import type { ResourceView } from "../../contract/resource.ts";
import { isEnded, type Notification, type Session } from "../../contract/session.ts";
import { waitsFor } from "../views/queue.tsx";
import { waitingStatus } from "../views/session-page.tsx";
import { EventStreams, type ServerEvent } from "./events.ts";
import type { StoredSession } from "./store.ts";

type Change =
  | { kind: "session"; stored: StoredSession }
  | { kind: "notification"; notification: Notification }
  | { kind: "agent" }
  | { kind: "resources" };

/** Shows a session as it is now to the reader of one stream. */
type View = (stored: StoredSession) => Session;

/** What the open pages and the API's followers are told of a workspace. */
export class Feed {
  readonly #streams: EventStreams<Change>;
  readonly #isReachable: () => boolean;
  readonly #resources: () => readonly ResourceView[];

  /** Called for each session that changes. */
  onSession: (stored: StoredSession) => void = () => undefined;

  /** @param limit how many streams may be open at once */
  constructor(
    isReachable: () => boolean,
    resources: () => readonly ResourceView[],
    limit: () => number = () => Infinity,
  ) {
    this.#streams = new EventStreams(limit);
    this.#isReachable = isReachable;
    this.#resources = resources;
  }

  /** Everything that changes, after what is live now. `visitor` names whom the stream is for. */
  follow(sessions: readonly StoredSession[], view: View, visitor: string): Response {
    const agent = (): ServerEvent => ({ event: "agent", data: { online: this.#isReachable() } });
    const session = (stored: StoredSession): ServerEvent => ({ event: "session", data: view(stored) });
    const live = sessions.filter((stored) => !isEnded(stored.report?.state ?? "submitted"));
    return this.#streams.open(visitor, [agent(), ...live.map(session)], (change) => {
      switch (change.kind) {
        case "session":
          return session(change.stored);
        case "agent":
          return agent();
        case "notification":
          return { event: "notification", data: change.notification };
        case "resources":
          return { event: "resources", data: this.#resources() };
        default:
          return change satisfies never;
      }
    });
  }

  /** One session's changes, for its loading page: no more than that page shows. */
  wait(stored: StoredSession, view: View, visitor: string): Response {
    const spell = (session: StoredSession): ServerEvent => {
      const shown = view(session);
      const { state, error, url } = shown;
      const told = { status: waitingStatus(shown), waits: waitsFor(shown) };
      return { event: "session", data: { state, error, url, ...told } };
    };
    return this.#streams.open(visitor, [spell(stored)], (change) =>
      change.kind === "session" && change.stored.spec.id === stored.spec.id
        ? spell(change.stored)
        : undefined,
    );
  }

  /** Ends the streams that a visitor has open. */
  evict(visitor: string): void {
    this.#streams.evict(visitor);
  }

  session(stored: StoredSession): void {
    this.onSession(stored);
    this.#streams.emit({ kind: "session", stored });
  }

  notification(notification: Notification): void {
    this.#streams.emit({ kind: "notification", notification });
  }

  /** The agent came, went, or brought another catalogue. */
  agent(): void {
    this.#streams.emit({ kind: "agent" });
  }

  /** Something is known of a cluster that was not known before. */
  resources(): void {
    this.#streams.emit({ kind: "resources" });
  }
}

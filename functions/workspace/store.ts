import { z } from "zod";
import { Mismatch } from "../../contract/agent-status.ts";
import type { SessionId } from "../../contract/ids.ts";
import { Resource } from "../../contract/resource.ts";
import { CatalogueEntry } from "../../contract/service.ts";
import { isEnded, type Notification, SessionReport, SessionSpec, Want } from "../../contract/session.ts";
import { Table } from "./table.ts";

/** A session as the object keeps it: what was asked for, what the user wants now, what the agent last said. */
export type StoredSession = { spec: SessionSpec; want: Want; report: SessionReport | null };

const AgentInfo = z.object({ version: z.string(), host: z.string(), user: z.string() });
export type AgentInfo = z.infer<typeof AgentInfo>;

const SESSIONS = `
  CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, spec TEXT NOT NULL, want TEXT NOT NULL, report TEXT,
    idempotency_key TEXT UNIQUE, request TEXT, created INTEGER NOT NULL
  );
`;
const NOTIFICATIONS = `
  CREATE TABLE IF NOT EXISTS notifications (
    id INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT, level TEXT NOT NULL, text TEXT NOT NULL, at INTEGER NOT NULL
  );
`;
const META = "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)";

const KEPT_NOTIFICATIONS = 500;
const KEPT_SESSIONS = 500;

type SessionRow = { spec: string; want: string; report: string | null };

/** The object's truth, in SQLite; sessions are also held in memory, since every relayed request asks for one. */
export class Store {
  readonly #sessionTable: Table;
  readonly #notifications: Table;
  readonly #metaTable: Table;
  readonly #sessions = new Map<string, StoredSession>();

  constructor(sql: SqlStorage) {
    this.#sessionTable = new Table(sql, SESSIONS);
    this.#notifications = new Table(sql, NOTIFICATIONS);
    this.#metaTable = new Table(sql, META);
    for (const row of this.#sessionTable.exec<SessionRow>(
      "SELECT spec, want, report FROM sessions ORDER BY created, rowid",
    )) {
      const spec = SessionSpec.parse(JSON.parse(row.spec));
      const report = row.report === null ? null : SessionReport.parse(JSON.parse(row.report));
      this.#sessions.set(spec.id, { spec, want: Want.parse(row.want), report });
    }
  }

  session(id: string): StoredSession | undefined {
    return this.#sessions.get(id);
  }

  /** Newest first. */
  sessions(): StoredSession[] {
    // By the launch: one that only the agent knew comes late, however old it is.
    return [...this.#sessions.values()].toReversed().toSorted((a, b) => b.spec.createdAt - a.spec.createdAt);
  }

  /** The live session with this port, or else the last that had it. */
  sessionWithPort(port: number): StoredSession | undefined {
    let last: StoredSession | undefined;
    for (const session of this.#sessions.values()) {
      if (session.report?.port !== port) continue;
      if (last === undefined || isEnded(last.report?.state ?? "submitted") || !isEnded(session.report.state))
        last = session;
    }
    return last;
  }

  /** What an earlier launch with this key asked for and made. */
  launchedWith(key: string): { id: SessionId; request: string } | undefined {
    const [row] = this.#sessionTable.exec<{ id: string; request: string }>(
      "SELECT id, request FROM sessions WHERE idempotency_key = ?",
      key,
    );
    return row === undefined ? undefined : { id: row.id as SessionId, request: row.request };
  }

  /** Adds a session; `launch` remembers the key and the request for `launchedWith`. */
  add(session: StoredSession, launch: { key: string | null; request: string | null }): void {
    const { spec, want, report } = session;
    this.#sessionTable.insert(
      "INSERT INTO sessions (id, spec, want, report, idempotency_key, request, created) VALUES (?, ?, ?, ?, ?, ?, ?)",
      spec.id,
      JSON.stringify(spec),
      want,
      report === null ? null : JSON.stringify(report),
      launch.key,
      launch.request,
      spec.createdAt,
    );
    this.#sessions.set(spec.id, session);
    this.#forgetOldest();
  }

  setWant(id: SessionId, want: Want): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessionTable.exec("UPDATE sessions SET want = ? WHERE id = ?", want, id);
    this.#sessions.set(id, { ...session, want });
  }

  /** Takes the agent's word, and the spec without what only the agent needs to know from now on. */
  setReport(report: SessionReport, spec: SessionSpec): void {
    const session = this.#sessions.get(report.id);
    if (session === undefined) return;
    this.#sessionTable.exec(
      "UPDATE sessions SET report = ?, spec = ? WHERE id = ?",
      JSON.stringify(report),
      JSON.stringify(spec),
      report.id,
    );
    this.#sessions.set(report.id, { ...session, spec, report });
  }

  /** Ended sessions beyond the newest 500 are forgotten; live ones never. */
  #forgetOldest(): void {
    for (const session of this.#sessions.values()) {
      if (this.#sessions.size <= KEPT_SESSIONS) return;
      if (!isEnded(session.report?.state ?? "submitted")) continue;
      this.#sessionTable.exec("DELETE FROM sessions WHERE id = ?", session.spec.id);
      this.#sessions.delete(session.spec.id);
    }
  }

  notify(session: string | null, level: Notification["level"], text: string, at: number): Notification {
    const [row] = this.#notifications.insert<{ id: number }>(
      "INSERT INTO notifications (session, level, text, at) VALUES (?, ?, ?, ?) RETURNING id",
      session,
      level,
      text,
      at,
    );
    const id = row?.id ?? 0;
    this.#notifications.exec("DELETE FROM notifications WHERE id <= ?", id - KEPT_NOTIFICATIONS);
    return { id, session, level, text, at: new Date(at).toISOString() };
  }

  notifications(): Notification[] {
    type Row = { id: number; session: string | null; level: Notification["level"]; text: string; at: number };
    return this.#notifications
      .exec<Row>("SELECT id, session, level, text, at FROM notifications ORDER BY id DESC")
      .map((row) => ({ ...row, at: new Date(row.at).toISOString() }));
  }

  get catalogue(): CatalogueEntry[] {
    return this.#meta("catalogue", z.array(CatalogueEntry)) ?? [];
  }

  set catalogue(entries: CatalogueEntry[]) {
    this.#setMeta("catalogue", entries);
  }

  /** The clusters, as the agent last saw them. */
  get resources(): Resource[] {
    return this.#meta("resources", z.array(Resource)) ?? [];
  }

  set resources(resources: Resource[]) {
    this.#setMeta("resources", resources);
  }

  get agent(): AgentInfo | null {
    return this.#meta("agent", AgentInfo);
  }

  set agent(info: AgentInfo) {
    this.#setMeta("agent", info);
  }

  /** The agent that was refused for its protocol; null once another has connected. */
  get mismatch(): Mismatch | null {
    return this.#meta("mismatch", Mismatch.nullable());
  }

  set mismatch(mismatch: Mismatch | null) {
    this.#setMeta("mismatch", mismatch);
  }

  /** Counts the links: a new one each time the agent says hello. */
  nextEpoch(): number {
    const epoch = (this.#meta("epoch", z.int()) ?? 0) + 1;
    this.#setMeta("epoch", epoch);
    return epoch;
  }

  #meta<Schema extends z.ZodType>(key: string, schema: Schema): z.infer<Schema> | null {
    const [row] = this.#metaTable.exec<{ value: string }>("SELECT value FROM meta WHERE key = ?", key);
    return row === undefined ? null : schema.parse(JSON.parse(row.value));
  }

  #setMeta(key: string, value: unknown): void {
    this.#metaTable.insert(
      "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
      key,
      JSON.stringify(value),
    );
  }
}

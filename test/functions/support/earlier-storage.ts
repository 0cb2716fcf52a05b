/**
 * The storage of a workspace as the edge has always made it: all tables at once, whether or not anything was in them. Stands
 * here in words, so that no change of the edge's own tables changes it.
 */
export const EARLIER_STORAGE = `
  CREATE TABLE sessions (
    id TEXT PRIMARY KEY, spec TEXT NOT NULL, want TEXT NOT NULL, report TEXT,
    idempotency_key TEXT UNIQUE, request TEXT, created INTEGER NOT NULL
  );
  CREATE TABLE notifications (
    id INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT, level TEXT NOT NULL, text TEXT NOT NULL, at INTEGER NOT NULL
  );
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
  CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, action TEXT NOT NULL, by TEXT NOT NULL, session TEXT,
    detail TEXT
  );
  CREATE TABLE cancellations (
    n INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT NOT NULL UNIQUE, name TEXT NOT NULL, reason TEXT NOT NULL
  );
  CREATE TABLE logins (
    id TEXT PRIMARY KEY, role TEXT NOT NULL, created INTEGER NOT NULL, seen INTEGER NOT NULL, expires INTEGER NOT NULL,
    agent TEXT NOT NULL, address TEXT, generation INTEGER NOT NULL, rotated INTEGER NOT NULL, confirmed INTEGER, token TEXT
  );
  CREATE TABLE owner (id INTEGER PRIMARY KEY CHECK (id = 1), person TEXT NOT NULL);
  CREATE TABLE tokens (
    id TEXT PRIMARY KEY, hash TEXT NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL, created INTEGER NOT NULL,
    used INTEGER, expires INTEGER, ended INTEGER NOT NULL
  );
  CREATE TABLE one_time_codes (
    hash TEXT PRIMARY KEY, purpose TEXT NOT NULL, content TEXT NOT NULL, expires INTEGER NOT NULL
  );
  CREATE TABLE agents (
    id TEXT PRIMARY KEY, hash TEXT NOT NULL, next TEXT, before TEXT, beforeUntil INTEGER NOT NULL, host TEXT NOT NULL,
    osUser TEXT NOT NULL, version TEXT NOT NULL, fingerprint TEXT NOT NULL, address TEXT, created INTEGER NOT NULL,
    seen INTEGER, rotated INTEGER NOT NULL
  );
  CREATE TABLE shares (
    id TEXT PRIMARY KEY, session TEXT NOT NULL, "with" TEXT NOT NULL, mode TEXT NOT NULL, created INTEGER NOT NULL,
    ends INTEGER NOT NULL
  );
  CREATE TABLE guests (
    share TEXT NOT NULL, login TEXT NOT NULL, user TEXT NOT NULL, name TEXT NOT NULL, entered INTEGER,
    expires INTEGER NOT NULL, PRIMARY KEY (share, login)
  );
  CREATE TABLE visits (login TEXT NOT NULL, owner TEXT NOT NULL, retry INTEGER NOT NULL, PRIMARY KEY (login, owner));
  CREATE TABLE webhook_calls (id TEXT PRIMARY KEY, hash TEXT NOT NULL, answer TEXT NOT NULL, at INTEGER NOT NULL);
  CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, session TEXT NOT NULL, type TEXT NOT NULL,
    body TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, due INTEGER NOT NULL, error TEXT, at INTEGER NOT NULL,
    died INTEGER
  );
  CREATE INDEX deliveries_waiting ON deliveries (session, seq) WHERE died IS NULL;
  CREATE TABLE registry_outbox (
    id INTEGER PRIMARY KEY CHECK (id = 1), due INTEGER, changed_at INTEGER, version INTEGER NOT NULL,
    acknowledged INTEGER NOT NULL, failures INTEGER NOT NULL, spread_ms INTEGER NOT NULL, online INTEGER NOT NULL,
    online_since INTEGER
  );
`;

import { reset, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import type { UserId } from "../../../contract/person.ts";
import { AuditLog } from "../../../functions/registry/audit-log.ts";
import type { AuditEntry } from "../../../functions/workspace/audit.ts";
import { registry } from "../support/registry.ts";

afterEach(() => reset());

const NOW = 1_790_000_000_000;
const DAY = 86_400_000;
const ANA = "u0000000000000000000a" as UserId;
const BEA = "u0000000000000000000b" as UserId;

const entry = (seq: number, changes: Partial<AuditEntry> = {}): AuditEntry => ({
  seq,
  at: NOW,
  action: "session.launch",
  by: { user: ANA, name: "Ana", from: "192.0.2.7", via: "console" },
  session: null,
  detail: null,
  ...changes,
});

/** Runs with a log in a real object's storage. */
const withLog = (test: (log: AuditLog, sql: SqlStorage) => Promise<void>) => (): Promise<void> =>
  runInDurableObject(registry(), (_object, { storage }) => test(new AuditLog(storage.sql), storage.sql));

const idsOf = async (log: AuditLog, ...[query, page]: Parameters<AuditLog["page"]>): Promise<number[]> =>
  (await log.page(query, page)).map(({ id }) => id);

describe("the audit log", () => {
  it(
    "says who did what, where from and when",
    withLog(async (log) => {
      log.take(ANA, [entry(1, { session: "s1", detail: "notebook" })], NOW);
      expect(await log.page({}, { order: "newest", limit: 10 })).toEqual([
        {
          id: 1,
          at: "2026-09-21T14:13:20.000Z",
          user: ANA,
          userName: null,
          action: "session.launch",
          by: { user: ANA, name: "Ana", via: "console" },
          session: "s1",
          from: "192.0.2.7",
          detail: "notebook",
        },
      ]);
    }),
  );

  it(
    "takes each entry once, however often it is told",
    withLog(async (log) => {
      expect(log.take(ANA, [entry(1), entry(2)], NOW)).toHaveLength(2);
      expect(log.take(ANA, [entry(1), entry(2), entry(3)], NOW)).toMatchObject([{ seq: 3 }]);
      expect(log.take(BEA, [entry(1)], NOW)).toHaveLength(1);
      expect([log.acknowledged(ANA), log.acknowledged(BEA)]).toEqual([3, 1]);
      expect(await idsOf(log, {}, { order: "oldest", limit: 10 })).toEqual([1, 2, 3, 4]);
    }),
  );

  it(
    "is read in pages from either end, and narrowed",
    withLog(async (log) => {
      log.take(ANA, [entry(1), entry(2, { session: "s1" }), entry(3, { at: NOW + DAY })], NOW);
      log.take(BEA, [entry(1, { session: "s1", action: "session.cancel" })], NOW);
      const all = { order: "oldest", limit: 10 } as const;
      expect(await idsOf(log, {}, { order: "newest", limit: 2 })).toEqual([4, 3]);
      expect(await idsOf(log, {}, { order: "newest", limit: 2, beyond: 3 })).toEqual([2, 1]);
      expect(await idsOf(log, {}, { order: "oldest", limit: 2, beyond: 1 })).toEqual([2, 3]);
      expect(await idsOf(log, { user: BEA }, all)).toEqual([4]);
      expect(await idsOf(log, { session: "s1" }, all)).toEqual([2, 4]);
      expect(await idsOf(log, { session: "s1", action: "session.cancel" }, all)).toEqual([4]);
      expect(await idsOf(log, { from: NOW + 1 }, all)).toEqual([3]);
      expect(await idsOf(log, { to: NOW }, all)).toEqual([]);
      expect(await idsOf(log, { action: "' OR 1 = 1 --" }, all)).toEqual([]);
    }),
  );

  it(
    "forgets what is older than 400 days, and does not take it again",
    withLog(async (log) => {
      const old = [entry(1), entry(2)];
      log.take(ANA, old, NOW);
      log.take(BEA, [entry(1, { at: NOW + 401 * DAY })], NOW + 401 * DAY);
      expect(await idsOf(log, {}, { order: "oldest", limit: 10 })).toEqual([3]);
      expect(log.acknowledged(ANA)).toBe(2);
      expect(log.take(ANA, old, NOW + 401 * DAY)).toEqual([]);
      expect(await idsOf(log, {}, { order: "oldest", limit: 10 })).toEqual([3]);
    }),
  );

  it(
    "keeps the newest 200,000",
    withLog(async (log, sql) => {
      sql.exec(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
         INSERT INTO audit_log (user, seq, at, action, by) SELECT ?, i, ?, 'login', '{}' FROM n`,
        BEA,
        NOW,
      );
      log.take(ANA, [entry(1), entry(2)], NOW);
      const { count, oldest } = sql
        .exec<{ count: number; oldest: number }>("SELECT COUNT(*) AS count, MIN(id) AS oldest FROM audit_log")
        .one();
      expect([count, oldest]).toEqual([200_000, 3]);
    }),
  );

  it(
    "keeps the newest 20,000 of one workspace: however much it tells, it drives out nobody else's",
    withLog(async (log, sql) => {
      log.take(ANA, [entry(1)], NOW);
      sql.exec(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
         INSERT INTO audit_log (user, seq, at, action, by) SELECT ?, i, ?, 'agent.online', '{}' FROM n`,
        BEA,
        NOW,
      );
      log.take(BEA, [entry(20_001), entry(20_002)], NOW);
      const kept = sql
        .exec<{ user: string; count: number; oldest: number }>(
          "SELECT user, COUNT(*) AS count, MIN(seq) AS oldest FROM audit_log GROUP BY user ORDER BY user",
        )
        .toArray();
      expect(kept).toEqual([
        { user: ANA, count: 1, oldest: 1 },
        { user: BEA, count: 20_000, oldest: 3 },
      ]);
    }),
  );
});

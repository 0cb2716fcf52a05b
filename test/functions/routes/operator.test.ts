import { reset, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { CreatedToken } from "../../../contract/account.ts";
import {
  AuditLine,
  DeadWebhook,
  OperatorSession,
  OperatorUser,
  OperatorWorkspace,
} from "../../../contract/operator.ts";
import { LOCAL_USER, type Person, type Scope } from "../../../contract/person.ts";
import { Notification } from "../../../contract/session.ts";
import { DeliveryQueue } from "../../../functions/workspace/delivery-queue.ts";
import { TestAgent } from "../support/agent.ts";
import type { Browser } from "../support/browser.ts";
import { api, ask, CONSOLE, launch, problemOf, sessionNamed, workspace } from "../support/edge.ts";
import { browserOf, person } from "../support/people.ts";
import { registered, snapshotOf, stopAlarms, tell } from "../support/registry.ts";
import { running } from "../support/running.ts";

beforeEach(stopAlarms);

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

const JSON_HEADERS = { accept: "application/json", origin: CONSOLE, "content-type": "application/json" };
const FORM_HEADERS = { origin: CONSOLE, "content-type": "application/x-www-form-urlencoded" };

const get = (browser: Browser, path: string): Promise<Response> =>
  browser.go(CONSOLE + path, { headers: { accept: "application/json" } });
const post = (browser: Browser, path: string, json: unknown = {}): Promise<Response> =>
  browser.go(CONSOLE + path, { method: "POST", headers: JSON_HEADERS, body: JSON.stringify(json) });

const olga = (): Promise<Person> => person("olga", { role: "operator" });

const Page = z.object({ items: z.array(z.unknown()), next: z.union([z.string(), z.int()]).nullable() });
async function itemsOf<Schema extends z.ZodType>(
  response: Response,
  item: Schema,
): Promise<z.infer<Schema>[]> {
  const { items } = Page.parse(await response.json());
  return z.array(item).parse(items);
}

async function tokenOf(browser: Browser, scopes: Scope[]): Promise<string> {
  const response = await post(browser, "/api/tokens", { name: "prometheus", scopes });
  return CreatedToken.parse(await response.json()).token;
}

const withToken = (
  token: string,
  path: string,
  init: Omit<RequestInit, "headers"> & { headers?: Record<string, string> } = {},
): Promise<Response> =>
  ask(CONSOLE + path, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } });

/** Every route that is an operator's, with a body where one is needed. */
const ROUTES = [
  ["GET", "/api/operator/users"],
  ["GET", "/api/operator/workspaces"],
  ["GET", "/api/operator/sessions"],
  ["GET", "/api/operator/sessions/ended"],
  ["POST", "/api/operator/users/local/lock-out"],
  ["POST", "/api/operator/users/local/let-in"],
  ["GET", "/api/operator/audit"],
  ["GET", "/api/operator/webhooks/dead"],
  ["POST", "/api/operator/webhooks/dead/local/msg_1/redeliver"],
  ["POST", "/api/operator/webhooks/dead/local/msg_1/discard"],
  ["POST", "/api/operator/sessions/local/s4k2m9x0v7qrt/cancel"],
  ["GET", "/metrics"],
  ["GET", "/operator"],
  ["GET", "/operator/sessions"],
  ["GET", "/operator/sessions/ended"],
  ["POST", "/operator/users/local/lock-out"],
  ["POST", "/operator/users/local/let-in"],
  ["GET", "/operator/webhooks"],
  ["GET", "/operator/audit"],
  ["POST", "/operator/sessions/local/s4k2m9x0v7qrt/cancel"],
  ["POST", "/operator/webhooks/local/msg_1/redeliver"],
] as const;

describe.each(ROUTES)("%s %s", (method, path) => {
  const isForm = method === "POST" && path.startsWith("/operator");
  const headers = isForm ? FORM_HEADERS : JSON_HEADERS;
  const body = isForm ? "reason=no" : JSON.stringify({ reason: "no" });
  const init = method === "POST" ? { method, headers, body } : { method };

  it("is not there for an ordinary user", async () => {
    const browser = await browserOf(await person("ana"));
    expect((await browser.go(CONSOLE + path, init)).status).toBe(404);
  });

  it("is not there for an operator's token without the scope, nor for a user's with it", async () => {
    const short = await tokenOf(await browserOf(await olga()), ["read", "launch"]);
    expect((await withToken(short, path, init)).status).toBe(404);
    const user = await browserOf(await person("ana", { role: "operator" }));
    const demoted = await tokenOf(user, ["operator"]);
    await browserOf(await person("ana"));
    expect((await withToken(demoted, path, init)).status).toBe(404);
  });

  it("is nothing for nobody", async () => {
    const response = await ask(CONSOLE + path, { ...init, headers: { accept: "application/json" } });
    expect(response.status).toBe(401);
  });

  it("is gone for an operator who is none any more at the next login, in the earlier browser too", async () => {
    const before = await browserOf(await olga());
    expect((await before.go(CONSOLE + path, init)).status).not.toBe(401);
    const after = await browserOf(await person("olga"));
    expect((await after.go(CONSOLE + path, init)).status).toBe(404);
    expect((await before.go(CONSOLE + path, init)).status).toBe(404);
  });
});

describe("an operator", () => {
  it("sees the users and their workspaces, in pages, and finds some by words", async () => {
    const browser = await browserOf(await olga());
    const people = await Promise.all(["ana", "bea", "cleo"].map((name) => person(name)));
    for (const each of people) {
      await browserOf(each);
      await tell(each.id);
    }
    const all = await itemsOf(await get(browser, "/api/operator/users"), OperatorUser);
    expect(new Set(all.map(({ name }) => name))).toEqual(new Set(["Ana", "Bea", "Cleo"]));
    const first = Page.parse(await (await get(browser, "/api/operator/users?limit=2")).json());
    expect(first.items).toHaveLength(2);
    const rest = Page.parse(
      await (await get(browser, `/api/operator/users?limit=2&after=${first.next}`)).json(),
    );
    expect([...first.items, ...rest.items]).toEqual(all);
    expect(rest.next).toBe(null);
    const found = await itemsOf(await get(browser, "/api/operator/workspaces?q=BEA"), OperatorWorkspace);
    expect(found).toMatchObject([{ userName: "Bea", online: false, host: null }]);
    expect(await itemsOf(await get(browser, "/api/operator/users?q=%25"), OperatorUser)).toEqual([]);
  });

  it("sees everybody's live sessions, by state and by user", async () => {
    await using agent = await TestAgent.connect();
    const one = await running(agent);
    const two = await launch({ service: "notebook" });
    await tell(LOCAL_USER);
    const browser = await browserOf(await olga());
    const list = async (query: string) =>
      (await itemsOf(await get(browser, `/api/operator/sessions?${query}`), OperatorSession)).map(
        ({ id }) => id,
      );
    expect(await list("")).toEqual([two.id, one.id]);
    expect(await list("state=running")).toEqual([one.id]);
    expect(await list(`user=${(await olga()).id}`)).toEqual([]);
    expect(await list("user=local&limit=1")).toEqual([two.id]);
    expect((await get(browser, "/api/operator/sessions?state=asleep")).status).toBe(400);
  });

  it("cancels anybody's session, whose owner sees who did and why", async () => {
    await using agent = await TestAgent.connect();
    const { id } = await running(agent);
    await tell(LOCAL_USER);
    const browser = await browserOf(await olga());
    const path = `/api/operator/sessions/local/${id}/cancel`;
    expect((await post(browser, path, {})).status).toBe(400);
    expect((await post(browser, path, { reason: " \n" })).status).toBe(400);
    const reason = "The node c12 is taken down at 14:00";
    const response = await post(browser, path, { reason });
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({ user: "local", id, state: "running", canceling: true });
    expect((await agent.next("want")).head.wanted).toMatchObject({ want: "cancel" });
    expect(await sessionNamed(id)).toMatchObject({ canceling: true, canceledBy: { name: "Olga", reason } });
    const bell = z.array(Notification).parse(await (await api("GET", "/api/notifications")).json());
    expect(bell[0]).toMatchObject({
      session: id,
      level: "warning",
      text: `Notebook was canceled by Olga: ${reason}`,
    });
    await tell(LOCAL_USER);
    const lines = await auditOf(browser, "action=session.cancel");
    expect(lines).toMatchObject([{ user: "local", by: { name: "Olga" }, session: id, detail: reason }]);
  });

  it("cancels nothing of somebody whom nobody knows, and makes them no workspace", async () => {
    const browser = await browserOf(await olga());
    const { id } = await person("nobody");
    const response = await post(browser, `/api/operator/sessions/${id}/s1/cancel`, {
      reason: "no",
    });
    expect(await problemOf(response)).toMatchObject({ status: 404, code: "not_found" });
    expect((await post(browser, "/api/operator/sessions/x/s1/cancel", { reason: "no" })).status).toBe(400);
  });

  it("sends a webhook again that nobody took, or forgets it, which is noted", async () => {
    const dies = (id: string) =>
      runInDurableObject(workspace(), (_object, { storage }) => {
        const queue = new DeliveryQueue(storage.sql);
        queue.add({ id, session: "s1", type: "session.ready", body: "{}", at: 0 });
        queue.bury(id, "the receiver answered 500", 1_790_000_000_000);
      });
    await dies("msg_1");
    await dies("msg_2");
    await using _agent = await TestAgent.connect();
    await tell(LOCAL_USER);
    const browser = await browserOf(await olga());
    const dead = async () =>
      (await itemsOf(await get(browser, "/api/operator/webhooks/dead"), DeadWebhook)).map(({ id }) => id);
    expect(await dead()).toEqual(["msg_2", "msg_1"]);
    const treat = async (what: string) =>
      (await post(browser, `/api/operator/webhooks/dead/local/${what}`)).status;
    expect(await treat("msg_1/redeliver")).toBe(204);
    expect(await treat("msg_1/redeliver")).toBe(404);
    expect(await treat("msg_2/discard")).toBe(204);
    expect(await treat("msg_2/burn")).toBe(400);
    expect(await dead()).toEqual([]);
    await tell(LOCAL_USER);
    expect(await auditOf(browser, "action=webhook.discard")).toMatchObject([
      { user: "local", by: { name: "Olga" }, detail: "msg_2" },
    ]);
  });

  it("reads the same with a token of the scope", async () => {
    const token = await tokenOf(await browserOf(await olga()), ["operator"]);
    expect((await withToken(token, "/api/operator/users")).status).toBe(200);
    expect((await withToken(token, "/metrics")).status).toBe(200);
  });
});

async function auditOf(browser: Browser, query = ""): Promise<AuditLine[]> {
  const response = await get(browser, `/api/operator/audit?${query}`);
  expect(response.headers.get("content-type")).toBe("application/x-ndjson; charset=utf-8");
  const text = await response.text();
  expect(text === "" || text.endsWith("\n")).toBe(true);
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => AuditLine.parse(JSON.parse(line)));
}

describe("the audit log's export", () => {
  it("is a line of JSON for each entry, and goes on behind the last one read", async () => {
    const ana = await person("ana");
    for (let count = 0; count < 12; count += 1) await browserOf(ana);
    await tell(ana.id);
    const browser = await browserOf(await olga());
    const lines = await auditOf(browser);
    expect(lines.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(lines[0]).toMatchObject({ user: ana.id, action: "login", by: { name: "Ana" }, session: null });
    expect((await auditOf(browser, "after=10")).map(({ id }) => id)).toEqual([11, 12]);
    expect(await auditOf(browser, `user=${(await olga()).id}`)).toEqual([]);
    expect(await auditOf(browser, "action=login.end")).toEqual([]);
    const { at = "" } = lines[0] ?? {};
    expect(await auditOf(browser, `from=${at}`)).toHaveLength(12);
    expect(await auditOf(browser, `to=${at}`)).toEqual([]);
    expect((await get(browser, "/api/operator/audit?from=yesterday")).status).toBe(400);
  });

  it("is longer than one page of the registry's", async () => {
    const ana = await person("ana");
    await browserOf(ana);
    await tell(ana.id);
    const audit = Array.from({ length: 1203 }, (_, index) => ({
      seq: index + 2,
      at: Date.now(),
      action: "login" as const,
      by: { user: ana.id, name: "Ana", from: null, via: "console" as const },
      session: null,
      detail: 'a line\nwith "quotes"',
    }));
    await registered("intake").sync(ana.id, {
      version: 1,
      snapshot: snapshotOf(ana),
      audit,
      ended: [],
      waitedMs: 0,
    });
    const lines = await auditOf(await browserOf(await olga()));
    expect(lines).toHaveLength(1204);
    expect(new Set(lines.map(({ id }) => id)).size).toBe(1204);
  });
});

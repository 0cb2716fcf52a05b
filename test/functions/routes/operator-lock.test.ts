import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { OperatorUser } from "../../../contract/operator.ts";
import type { Person } from "../../../contract/person.ts";
import { partOf } from "../../../functions/workspace/parts.ts";
import { bearer, postFrom, tokenOf } from "../support/account.ts";
import type { Browser } from "../support/browser.ts";
import { ask, CONSOLE, problemOf } from "../support/edge.ts";
import { browserOf, person } from "../support/people.ts";
import { registered, stopAlarms, tell } from "../support/registry.ts";

const REASON = "A token of hers was in a public repository";
const ana = await person("ana");
const olga = await person("olga", { role: "operator" });

let anas: Browser;
let olgas: Browser;

beforeEach(async () => {
  stopAlarms();
  [anas, olgas] = [await browserOf(ana), await browserOf(olga)];
  for (const { id } of [ana, olga]) await tell(id);
});

afterEach(async () => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  await reset();
});

const lockOut = (browser: Browser, { id }: Pick<Person, "id">, json: unknown = { reason: REASON }) =>
  postFrom(browser, `/api/operator/users/${id}/lock-out`, json);
const letIn = (browser: Browser, { id }: Pick<Person, "id">) =>
  postFrom(browser, `/api/operator/users/${id}/let-in`);

async function listed(query: string): Promise<OperatorUser[]> {
  const answer = await olgas.go(`${CONSOLE}/api/operator/users?${query}`, {
    headers: { accept: "application/json" },
  });
  return z.object({ items: z.array(OperatorUser) }).parse(await answer.json()).items;
}

const form = (path: string, fields: Record<string, string>) =>
  olgas.go(CONSOLE + path, {
    method: "POST",
    headers: { origin: CONSOLE, "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(fields).toString(),
  });

describe("an operator locks somebody out", () => {
  it("by the API, which says what was ended; it stands there at once, and when their workspace has told", async () => {
    await tokenOf(anas, ["read"]);
    const answer = await lockOut(olgas, ana);
    expect(answer.status).toBe(200);
    const lockedOut = { since: expect.any(String), by: "Olga", reason: REASON };
    expect(await answer.json()).toEqual({ ...lockedOut, logins: 1, tokens: 1, canceled: 0 });
    expect((await anas.go(`${CONSOLE}/api/me`)).status).toBe(401);
    expect(await listed("q=ana")).toMatchObject([{ id: ana.id, lockedOut }]);
    await tell(ana.id);
    expect(await listed("q=locked+out")).toMatchObject([
      { id: ana.id, lockedOut, seenAt: expect.any(String) },
    ]);

    expect((await letIn(olgas, ana)).status).toBe(204);
    expect(await listed("q=ana")).toMatchObject([{ lockedOut: null }]);
    await tell(ana.id);
    expect(await listed("q=locked+out")).toEqual([]);
    expect((await letIn(olgas, ana)).status).toBe(204);
    await browserOf(ana);
  });

  it("is heard of by the registry from the workspace, too", async () => {
    const caller = { user: olga.id, name: "Olga", from: null, via: "console" } as const;
    await partOf(env, ana.id, "lockOut").begin({ reason: REASON, cancels: false }, { caller, host: "" });
    expect(await listed("q=ana")).toMatchObject([{ lockedOut: null }]);
    await tell(ana.id);
    expect(await listed("q=ana")).toMatchObject([{ lockedOut: { by: "Olga", reason: REASON } }]);
    const lines = await registered("auditLog").page(
      { action: "user.lock-out" },
      { order: "newest", limit: 2 },
    );
    expect(lines).toMatchObject([{ user: ana.id, by: { user: olga.id, name: "Olga" }, detail: REASON }]);
  });

  it("with a reason of one line, and nobody who is not known", async () => {
    for (const json of [{}, { reason: " " }, { reason: "two\nlines" }, { reason: "x".repeat(301) }])
      expect((await lockOut(olgas, ana, json)).status).toBe(400);
    const nobody = await person("nobody");
    expect((await lockOut(olgas, nobody)).status).toBe(404);
    expect((await letIn(olgas, nobody)).status).toBe(404);
    expect((await anas.go(`${CONSOLE}/api/me`)).status).toBe(200);
  });

  it("but not themselves, in the browser nor by a token", async () => {
    const { token } = await tokenOf(olgas, ["operator"]);
    const byToken = ask(`${CONSOLE}/api/operator/users/${olga.id}/lock-out`, {
      method: "POST",
      headers: { ...bearer(token), "content-type": "application/json" },
      body: JSON.stringify({ reason: REASON }),
    });
    for (const answer of [await lockOut(olgas, olga), await byToken])
      expect(await problemOf(answer)).toMatchObject({ status: 400, code: "invalid_request", field: "user" });
  });

  it("who is an operator, too, and is none from then on", async () => {
    const otto = await person("otto", { role: "operator" });
    const ottos = await browserOf(otto);
    const { token } = await tokenOf(ottos, ["operator"]);
    await tell(otto.id);
    expect((await lockOut(olgas, otto)).status).toBe(200);
    expect((await lockOut(ottos, olga)).status).toBe(401);
    const users = await ask(`${CONSOLE}/api/operator/users`, { headers: bearer(token) });
    expect(await problemOf(users)).toMatchObject({ code: "locked_out" });
  });
});

describe("the overview", () => {
  it("asks once, and shows who is locked out, since when, why, and by whom", async () => {
    const page = async (path = "/operator") => (await olgas.go(CONSOLE + path)).text();
    const before = await page();
    expect(before).toContain("Lock out Ana?");
    expect(before).not.toContain("Lock out Olga");
    const path = `/operator/users/${ana.id}`;
    expect((await form(`${path}/lock-out`, { reason: " " })).status).toBe(400);
    const done = await form(`${path}/lock-out`, { reason: "<b>why</b>" });
    expect([done.status, done.headers.get("location")]).toEqual([303, `/operator?done=${ana.id}`]);
    const after = await page(done.headers.get("location") ?? "");
    expect(after).toContain("Ana is locked out.");
    expect(after).toMatch(/<strong>Locked out<\/strong>.*just now.* by Olga: &lt;b&gt;why&lt;\/b&gt;/s);
    expect(after).toContain("Let Ana in");
    expect((await form(`${path}/let-in`, {})).headers.get("location")).toBe(`/operator?done=${ana.id}`);
    expect(await page(`/operator?done=${ana.id}`)).toContain("Ana may log in again");
  });
});

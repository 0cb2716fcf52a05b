import { env } from "cloudflare:workers";
import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Person } from "../../../contract/person.ts";
import { Audit, type AuditAction } from "../../../functions/workspace/audit.ts";
import { Logins } from "../../../functions/workspace/logins.ts";
import { partOf } from "../../../functions/workspace/parts.ts";
import { Browser } from "../support/browser.ts";
import { CONSOLE } from "../support/edge.ts";
import { browserOf, person } from "../support/people.ts";
import { stopAlarms } from "../support/registry.ts";

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;
/** How long a login lives at the edge of the tests, where people log in by a link. */
const LIMIT = 30 * DAY;

let ana: Person;

beforeEach(async () => {
  ana = await person("ana");
});

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

const later = (ms: number): void => {
  vi.setSystemTime(Date.now() + ms);
};

const object = () => env.WORKSPACE.getByName(ana.id);
const evict = (): Promise<void> => evictDurableObject(object());
const host = new URL(CONSOLE).host;

async function statusOf(browser: Browser): Promise<number> {
  const response = await browser.go(`${CONSOLE}/api/me`);
  await response.body?.cancel();
  return response.status;
}

/** Another browser with the very same cookie. */
function copyOf(browser: Browser): Browser {
  const copy = new Browser();
  for (const pair of browser.cookies(host).split("; ")) copy.keep(host, pair);
  return copy;
}

const auditOf = (): Promise<AuditAction[]> =>
  runInDurableObject(object(), (_instance, { storage }) =>
    new Audit(storage.sql).after(0, 100).map(({ action }) => action),
  );

describe.each([
  ["in memory", async (): Promise<void> => undefined],
  ["after the object's eviction", evict],
])("a login, %s,", (_where, between) => {
  it("is good for its longest time, and no longer", async () => {
    const browser = await browserOf(ana);
    later(LIMIT - HOUR);
    await between();
    expect(await statusOf(browser)).toBe(200);
    later(2 * HOUR);
    await between();
    expect(await statusOf(browser)).toBe(401);
  });

  it("gets a new cookie now and then, and the old one goes", async () => {
    const browser = await browserOf(ana);
    const first = browser.cookies(host);
    later(10 * MINUTE);
    expect(await statusOf(browser)).toBe(200);
    expect(browser.cookies(host)).toBe(first);
    later(6 * MINUTE);
    await between();
    expect(await statusOf(browser)).toBe(200);
    expect(browser.cookies(host)).not.toBe(first);
    await between();
    expect(await statusOf(browser)).toBe(200);
  });

  it("takes the cookie before while answers with the new one are on their way", async () => {
    const browser = await browserOf(ana);
    const slow = copyOf(browser);
    later(16 * MINUTE);
    expect(await statusOf(browser)).toBe(200);
    await between();
    expect(await statusOf(slow)).toBe(200);
    expect(await statusOf(browser)).toBe(200);
    later(MINUTE / 2);
    await between();
    expect(await statusOf(slow)).toBe(200);
  });

  it("takes the cookie before when the answer with the new one was lost", async () => {
    const browser = await browserOf(ana);
    const asBefore = copyOf(browser);
    later(16 * MINUTE);
    expect(await statusOf(browser)).toBe(200);
    later(DAY);
    await between();
    expect(await statusOf(asBefore)).toBe(200);
  });

  it("is over for everybody when a copy of its cookie turns up", async () => {
    const browser = await browserOf(ana);
    const copy = copyOf(browser);
    later(16 * MINUTE);
    expect([await statusOf(browser), await statusOf(browser)]).toEqual([200, 200]);
    later(2 * MINUTE);
    await between();
    expect(await statusOf(copy)).toBe(401);
    await between();
    expect(await statusOf(browser)).toBe(401);
    expect((await auditOf()).filter((action) => action === "login.copied")).toHaveLength(1);
  });

  it("is over for everybody when a copy asks by what no new cookie can answer", async () => {
    const browser = await browserOf(ana);
    const copy = copyOf(browser);
    later(16 * MINUTE);
    expect([await statusOf(browser), await statusOf(browser)]).toEqual([200, 200]);
    later(2 * MINUTE);
    await between();
    const response = await copy.go(`${CONSOLE}/api/me`, {
      headers: { upgrade: "websocket", origin: CONSOLE },
    });
    await response.body?.cancel();
    expect(response.status).toBe(401);
    await between();
    expect(await statusOf(browser)).toBe(401);
    expect(await auditOf()).toContain("login.copied");
  });

  it("is over for everybody when its owner comes after a copy was used", async () => {
    const browser = await browserOf(ana);
    const thief = copyOf(browser);
    later(16 * MINUTE);
    expect([await statusOf(thief), await statusOf(thief)]).toEqual([200, 200]);
    later(HOUR);
    await between();
    expect(await statusOf(browser)).toBe(401);
    await between();
    expect(await statusOf(thief)).toBe(401);
    expect(await auditOf()).toContain("login.copied");
  });

  it("that was ended stays so", async () => {
    const browser = await browserOf(ana);
    const copy = copyOf(browser);
    await browser.go(`${CONSOLE}/logout`, { method: "POST", headers: { origin: CONSOLE } });
    await between();
    expect(await statusOf(copy)).toBe(401);
    expect(await auditOf()).toEqual(["login", "login.end"]);
  });
});

describe("the idle limit", () => {
  it("counts from the last use, to the minute", async () => {
    await runInDurableObject(object(), (_instance, { storage }) => {
      const idle = new Logins(storage.sql, HOUR);
      const { id } = idle.add({ role: "user", expires: DAY, agent: "", from: null, token: null }, 0);
      const at = (now: number, logins = idle) =>
        logins.admit({ login: id, generation: 1 }, { rotates: false, now }).kind;
      expect(at(59 * MINUTE)).toBe("good");
      expect(at(118 * MINUTE, new Logins(storage.sql, HOUR))).toBe("good");
      expect(at(118 * MINUTE)).toBe("good");
      idle.keep(id, 150 * MINUTE);
      expect(at(209 * MINUTE)).toBe("good");
      expect(idle.over(271 * MINUTE)).toEqual([id]);
      expect(at(271 * MINUTE)).toBe("over");
    });
  });

  it("never lets a login live longer than its longest", async () => {
    await runInDurableObject(object(), (_instance, { storage }) => {
      const logins = new Logins(storage.sql, HOUR);
      const { id } = logins.add({ role: "user", expires: 3 * HOUR, agent: "", from: null, token: null }, 0);
      for (let now = 0; now < 3 * HOUR; now += 30 * MINUTE) {
        expect(logins.admit({ login: id, generation: 1 }, { rotates: false, now }).kind).toBe("good");
        logins.keep(id, now);
      }
      expect(logins.due()).toBe(3 * HOUR);
      expect(logins.admit({ login: id, generation: 1 }, { rotates: false, now: 3 * HOUR }).kind).toBe("over");
    });
  });
});

describe("the alarm", () => {
  it("ends what is over, also after an eviction", async () => {
    stopAlarms();
    const browser = await browserOf(ana);
    expect(await statusOf(browser)).toBe(200);
    later(LIMIT + HOUR);
    await evict();
    await runDurableObjectAlarm(object());
    const left = await runInDurableObject(object(), (_instance, { storage }) =>
      storage.sql.exec("SELECT id FROM logins").toArray(),
    );
    expect(left).toEqual([]);
  });
});

describe("a logout", () => {
  const logOut = (browser: Browser, body = ""): Promise<Response> =>
    browser.go(`${CONSOLE}/logout`, {
      method: "POST",
      body,
      headers: { origin: CONSOLE, "content-type": "application/x-www-form-urlencoded" },
    });

  it("leaves no cookie, also when a new one was due", async () => {
    const browser = await browserOf(ana);
    later(16 * MINUTE);
    const response = await logOut(browser);
    expect(response.headers.getSetCookie()).toHaveLength(1);
    expect(browser.cookies(host)).toBe("");
  });

  it("everywhere ends every browser of this user, and of nobody else", async () => {
    const bob = await browserOf(await person("bob"));
    const [one, two] = [await browserOf(ana), await browserOf(ana)];
    await logOut(one, "everywhere=1");
    expect([await statusOf(one), await statusOf(two), await statusOf(bob)]).toEqual([401, 401, 200]);
  });
});

describe("more logins than anybody has browsers", () => {
  it("are without the first, though all of them began at the same moment", async () => {
    await runInDurableObject(object(), (_instance, { storage }) => {
      const logins = new Logins(storage.sql, HOUR);
      const login = { role: "user", expires: DAY, agent: "", from: null, token: null } as const;
      const ids = Array.from({ length: 51 }, () => logins.add(login, 0).id);
      expect(logins.surplus()).toEqual(ids.slice(0, 1));
      expect(logins.list(0).map(({ id }) => id)).toEqual(ids.toReversed());
    });
  });

  it("push the longest unused one out, with what is open for it", async () => {
    const first = await browserOf(ana);
    const response = await first.go(`${CONSOLE}/api/events`, { headers: { accept: "text/event-stream" } });
    const reader = response.body?.getReader();
    await reader?.read();
    later(2 * MINUTE);
    const access = partOf(env, ana.id, "access");
    for (let count = 0; count < 50; count += 1)
      await access.login(ana, { agent: "", from: null, idToken: null });
    expect(await statusOf(first)).toBe(401);
    const rest = (async () => {
      for (;;) if ((await reader?.read())?.done !== false) return "ended";
    })();
    expect(await rest.catch(() => "ended")).toBe("ended");
    expect(await access.logins()).toHaveLength(50);
  });
});

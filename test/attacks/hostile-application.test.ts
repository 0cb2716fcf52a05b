import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Session } from "../../contract/session.ts";
import { Berth } from "../support/berth.ts";
import { TestBrowser } from "../support/browser.ts";

const PROGRAM = join(import.meta.dirname, "support/hostile-service.ts");
const HOSTILE = { "start_template.sh": `exec "$berth_node" ${PROGRAM} "$service_port"\n` };

let berth: Berth;
let browser: TestBrowser;
let hostile: Session;
let victim: Session;
/** A page of the hostile application's, in a browser that is logged in. */
let page: Page;

beforeAll(async () => {
  berth = await Berth.start({ services: { hostile: HOSTILE }, env: { BERTH_SESSION_HOSTS: "each" } });
  browser = await TestBrowser.open();
  await (await browser.page()).goto(berth.link);
  const [first, second] = [
    await berth.launch({ service: "hostile" }),
    await berth.launch({ service: "hostile" }),
  ];
  hostile = await berth.until(first.id, "running");
  victim = await berth.until(second.id, "running");
  // The victim is open in the same browser: its cookies are there to be used.
  await (await browser.page()).goto(berth.url + victim.url);
});

afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await berth[Symbol.asyncDispose]();
});

beforeEach(async () => {
  page = await browser.page();
  await page.goto(berth.url + hostile.url);
  expect(await page.innerText("p")).toBe("hello");
});

const hostOf = (session: Session): string => `http://${session.id}.sessions.localhost:${berth.port}`;
const seenBy = async (session: Session): Promise<string[]> =>
  (await berth.fetch(`/me/${session.port}/seen`)).json() as Promise<string[]>;

/** What came of a request that a page made: nothing that it could read, or not even that. */
const tryFetch = (
  url: string,
  init: {
    method?: string;
    mode?: "no-cors";
    credentials?: "include";
    body?: string;
    headers?: Record<string, string>;
  },
): Promise<string> =>
  page.evaluate(
    async ([address, how]) => {
      try {
        const response = await fetch(address, how);
        return response.type === "opaque" ? "opaque" : `${response.status} ${await response.text()}`;
      } catch {
        return "refused";
      }
    },
    [url, init] as const,
  );

/** A form that the page sends as its user would, to where no fetch may go. */
async function sendForm(action: string, fields: Record<string, string>): Promise<void> {
  const sent = page.waitForEvent("load");
  await page.evaluate(
    ([to, values]) => {
      const form = Object.assign(document.createElement("form"), { method: "post", action: to });
      for (const [name, value] of Object.entries(values))
        form.append(Object.assign(document.createElement("input"), { name, value }));
      document.body.append(form);
      form.submit();
    },
    [action, fields] as const,
  );
  await sent;
}

async function expectUnharmed(): Promise<void> {
  const sessions = await berth.sessions();
  expect(sessions.map(({ id, state }) => `${id} ${state}`).toSorted()).toEqual(
    [hostile, victim].map(({ id }) => `${id} running`).toSorted(),
  );
  const console = await browser.page();
  await console.goto(`${berth.url}/`);
  expect(await console.title()).not.toContain("Log in");
  expect(new URL(console.url()).pathname).toBe("/");
  await console.close();
}

describe("a hostile application", () => {
  it("calls nothing of Berth's API", async () => {
    const launch = { method: "POST", body: '{"service":"hostile"}', credentials: "include" } as const;
    const json = { headers: { "content-type": "application/json" } };
    for (const host of [berth.url, hostOf(hostile), `http://sessions.localhost:${berth.port}`]) {
      const read = await tryFetch(`${host}/api/sessions`, { credentials: "include" });
      expect(read).toMatch(/^(?:refused|40[14] .*|421 .*)$/s);
      for (const init of [launch, { ...launch, mode: "no-cors" } as const, { ...launch, ...json }]) {
        const sent = await tryFetch(`${host}/api/sessions`, init);
        expect(sent).toMatch(/^(?:refused|opaque|40[134] .*|421 .*)$/s);
      }
    }
    expect(await tryFetch(`${berth.url}/api/login-links`, { method: "POST", credentials: "include" })).toBe(
      "refused",
    );
    await expectUnharmed();
  });

  it("launches, cancels and logs out nothing by a form", async () => {
    await sendForm(`${berth.url}/api/sessions`, { '{"service":"hostile","name":"': '"}' });
    await page.goto(berth.url + hostile.url);
    await sendForm(`${berth.url}/launch/hostile`, { name: "mine" });
    await page.goto(berth.url + hostile.url);
    await sendForm(`${berth.url}/sessions/${victim.id}/cancel`, { back: "list" });
    await page.goto(berth.url + hostile.url);
    await sendForm(`${berth.url}/logout`, {});
    await expectUnharmed();
  });

  it("launches nothing by leading its reader to an address", async () => {
    for (const path of ["/launch/hostile?open=1", "/launch/hostile?name=x&key=12345678&open=1&submit=1"]) {
      await page.goto(berth.url + path);
      await page.waitForLoadState("networkidle");
    }
    await expectUnharmed();
  });

  it("reads nothing of another session, nor speaks to it", async () => {
    const before = await seenBy(victim);
    const target = `${hostOf(victim)}/me/${victim.port}`;
    for (const init of [{}, { credentials: "include" }, { method: "POST", credentials: "include" }] as const)
      expect(await tryFetch(`${target}/private`, init)).toBe("refused");
    await tryFetch(`${target}/private`, {
      method: "POST",
      mode: "no-cors",
      credentials: "include",
      body: "x",
    });
    const opened = await page.evaluate(
      (address) =>
        new Promise<boolean>((resolve) => {
          const socket = new WebSocket(address);
          socket.addEventListener("open", () => resolve(true));
          socket.addEventListener("error", () => resolve(false));
        }),
      `${target.replace("http", "ws")}/kernel`,
    );
    expect(opened).toBe(false);
    // By the other's port on its own host it reaches itself alone.
    expect(await tryFetch(`/me/${victim.port}/private`, { credentials: "include" })).toMatch(/^404/);
    const reached = (await seenBy(victim)).slice(before.length);
    expect(reached.filter((line) => /^(?:POST|UPGRADE)/.test(line))).toEqual([]);
  });

  it("frames neither the console nor another session", async () => {
    for (const address of [berth.url, hostOf(victim) + victim.url]) {
      const framed = await page.evaluate(async (src) => {
        const frame = Object.assign(document.createElement("iframe"), { src });
        const loaded = new Promise((resolve) => frame.addEventListener("load", resolve));
        document.body.append(frame);
        await loaded;
        try {
          return frame.contentDocument?.body.innerText ?? "not readable";
        } catch {
          return "not readable";
        }
      }, address);
      expect(framed).toBe("not readable");
    }
    const shown = await Promise.all(page.frames().map((frame) => frame.content()));
    for (const html of shown.slice(1)) expect(html).not.toMatch(/Sessions|Log out/);
  });

  it("has no hold of the console's window, whichever of the two opened the other", async () => {
    const console = await browser.page();
    await console.goto(`${berth.url}/sessions/${hostile.id}`);
    const [opened] = await Promise.all([
      browser.context.waitForEvent("page"),
      console.evaluate((address) => void window.open(address), berth.url + hostile.url),
    ]);
    await opened.waitForURL(`${hostOf(hostile)}/**`);
    expect(await opened.evaluate(() => window.opener === null)).toBe(true);
    const held = await page.evaluate(
      (address) =>
        new Promise<string>((resolve) => {
          const other = window.open(address);
          const look = (): void => {
            if (other === null || other.closed) return resolve("gone");
            try {
              void other.document.title;
            } catch {
              return resolve("not readable");
            }
            setTimeout(look, 20);
          };
          look();
        }),
      `${berth.url}/`,
    );
    expect(["gone", "not readable"]).toContain(held);
  });

  it("registers a service worker for its own pages at most", async () => {
    const register = (scope: string, script = `/me/${hostile.port}/worker.js`): Promise<string> =>
      page.evaluate(
        async ([address, reach]) => {
          try {
            return (await navigator.serviceWorker.register(address, { scope: reach })).scope;
          } catch {
            return "refused";
          }
        },
        [script, scope] as const,
      );
    for (const scope of ["/", "/me/", `/me/${victim.port}/`, "/s/", "/enter"])
      expect(await register(scope)).toBe("refused");
    // A script beside its folder would rule the folder above.
    for (const scope of ["/me/", `/me/${victim.port}/`])
      expect(await register(scope, `/me/${hostile.port}?worker`)).toBe("refused");
    expect(await register(`/me/${hostile.port}/`)).toBe(`${hostOf(hostile)}/me/${hostile.port}/`);
    // A script of Berth's own cannot be made one, nor what a neighbour serves.
    for (const script of ["/assets/x/session.js", `/me/${victim.port}/worker.js`])
      expect(
        await page.evaluate(
          (address) =>
            navigator.serviceWorker.register(address).then(
              () => "taken",
              () => "refused",
            ),
          script,
        ),
      ).toBe("refused");
  });

  it("sets no cookie that another host, another session or Berth would see", async () => {
    await page.goto(`${hostOf(hostile)}/me/${hostile.port}/cookies`);
    await page.evaluate(() => {
      for (const attributes of ["Path=/", "Path=/; Domain=localhost", "Path=/; Domain=sessions.localhost"])
        for (const name of ["berth", "berth_session", "berth_entering", "__Host-berth"])
          document.cookie = `${name}=planted; ${attributes}`;
      for (let count = 0; count < 30; count += 1) document.cookie = `bomb${count}=${"x".repeat(200)}; Path=/`;
    });
    expect(await page.evaluate(() => document.cookie)).not.toMatch(/berth(?:_session)?=(?!planted)/);
    const headed = (await browser.context.cookies()).filter(({ name }) => name.startsWith("wide"));
    expect(headed).toHaveLength(2);
    for (const { domain, path } of headed) {
      expect(domain).toBe(new URL(hostOf(hostile)).hostname);
      expect(path).toMatch(new RegExp(`^/me/${hostile.port}/`));
    }
    // What it planted is in nobody's way: the very application, the other one and the console are still there.
    for (const session of [hostile, victim]) {
      await page.goto(berth.url + session.url);
      expect(await page.innerText("p")).toBe("hello");
    }
    await expectUnharmed();
    const told = JSON.stringify([...(await seenBy(hostile)), ...(await seenBy(victim))]);
    expect(told).not.toMatch(/berth(?:_session|_entering)?=/);
  });

  it("learns no address of the console's, nor of a code, from its reader's way to it", async () => {
    const told = (await seenBy(hostile)).join("\n");
    expect(told).toContain("GET /");
    expect(told).not.toMatch(/code=|berth_api_|the-cookie/);
    expect(told).not.toContain(await berth.token());
    const referrers = [...told.matchAll(/"referer":"([^"]*)"/g)].map(([, referrer]) => referrer ?? "");
    for (const referrer of referrers) expect(referrer).toMatch(new RegExp(`^${hostOf(hostile)}(?:/|$)`));
  });
});

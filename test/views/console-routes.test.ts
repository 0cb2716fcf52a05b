import { describe, expect, it } from "vitest";
import { consoleApp } from "./console-app.ts";
import { all, one, tagsOf, textOf } from "./markup.ts";
import { before, entry, session } from "./samples.ts";

const offline = { online: false, host: "hopper-login", user: "ana", version: "0.1.0", mismatch: null };
const notifications = [
  { id: 5, session: "s4k2m9x0v7qrt", level: "error" as const, text: "tides failed", at: before(60_000) },
  { id: 4, session: null, level: "info" as const, text: "hello", at: before(120_000) },
];

describe("the first page", () => {
  it("has the sessions, and what can be launched beside them", async () => {
    const { get } = consoleApp({
      sessions: [session()],
      services: [
        entry(),
        entry({ name: "vscode", title: "VS Code", installed: false }),
        entry({ name: "bad", broken: "no" }),
      ],
    });
    const html = await (await get("/")).text();
    expect(html.startsWith("<!doctype html><html")).toBe(true);
    const launcher = one(html, "id", "launcher");
    expect(one(html, "id", "session-s4k2m9x0v7qrt").at).toBeLessThan(launcher.at);
    expect(textOf(html.slice(launcher.at))).toMatch(
      /^Launch J Jupyter Notebook Notebooks in Python\. All 3 services/,
    );
  });

  it("says in the top bar who is where, and nothing of an agent that is there", async () => {
    const html = await (await consoleApp().get("/")).text();
    expect(textOf(html)).toContain("ana@hopper-login");
    expect(html).not.toContain("is not connected.</strong>");
  });

  it("says when the workspace is away, and what to do", async () => {
    const html = await (await consoleApp({ agent: offline }).get("/")).text();
    expect(textOf(html)).toContain("The workspace hopper-login is not connected.");
    expect(one(html, "data-copy", "berth up").name).toBe("button");
  });

  it("says when no workspace has ever been connected", async () => {
    const agent = { online: false, host: null, user: null, version: null, mismatch: null };
    expect(textOf(await (await consoleApp({ agent }).get("/")).text())).toContain(
      "No workspace is connected yet.",
    );
  });

  it("offers a search once there are many sessions, and holds what was searched for", async () => {
    const many = Array.from({ length: 7 }, (_, index) => session({ id: `s${index}`, name: `run ${index}` }));
    const html = await (await consoleApp({ sessions: many }).get("/?q=run+3")).text();
    expect(one(html, "type", "search").attributes.get("value")).toBe("run 3");
    expect(tagsOf(html).filter((tag) => tag.attributes.get("class") === "session")).toHaveLength(1);
  });
});

describe("fragments", () => {
  it("are parts of a page, without the page around them", async () => {
    const { get } = consoleApp({ sessions: [session()] });
    const starts = ["/fragments/sessions", "/fragments/top?place=services"].map(async (path) => {
      const html = await (await get(path)).text();
      return tagsOf(html)[0]?.attributes.get("id");
    });
    expect(await Promise.all(starts)).toEqual(["sessions", "top"]);
  });

  it("of a session bring the title for the browser's tab", async () => {
    const { get } = consoleApp({ sessions: [session({ name: "a & b" })] });
    const html = await (await get("/fragments/sessions/s4k2m9x0v7qrt")).text();
    expect(html.startsWith("<title>a &amp; b: running · Berth</title>")).toBe(true);
  });

  it("of a session that is gone are a 404, which htmx does not swap", async () => {
    const answer = await consoleApp().get("/fragments/sessions/nothing");
    expect(answer.status).toBe(404);
    const page = await (await consoleApp().get("/")).text();
    expect(one(page, "name", "htmx-config").attributes.get("content")).toContain(
      '"noSwap":[204,304,"4xx","5xx"]',
    );
  });
});

describe("a session's page", () => {
  it("has its steps, its details and its log, also as text without scripts", async () => {
    const html = await (
      await consoleApp({ sessions: [session()], services: [entry()] }).get("/sessions/s4k2m9x0v7qrt")
    ).text();
    const text = textOf(html);
    for (const fact of [
      "Service Jupyter Notebook",
      "Port 51458",
      "Id s4k2m9x0v7qrt",
      "Launched 23 Nov 2026, 11:00:00 UTC",
    ]) {
      expect(text).toContain(fact);
    }
    expect(one(html, "data-log", "/api/sessions/s4k2m9x0v7qrt/logs?follow=1").name).toBe("pre");
    expect(
      all(html, "a").filter((tag) => tag.attributes.get("href") === "/api/sessions/s4k2m9x0v7qrt/logs"),
    ).toHaveLength(2);
    expect(html).toContain('<noscript><meta http-equiv="refresh" content="5"/></noscript>');
  });

  it("of a failed session begins with the error, and does not come anew by itself", async () => {
    const failed = session({
      state: "failed",
      error: "no\n  such program",
      endedAt: before(1000),
      url: null,
    });
    const html = await (await consoleApp({ sessions: [failed] }).get("/sessions/s4k2m9x0v7qrt")).text();
    expect(html).toContain(">no\n  such program</pre>");
    expect(html).not.toContain("http-equiv");
  });

  it("is a 404 page for a session that is not there", async () => {
    const answer = await consoleApp().get("/sessions/s000000000000");
    expect(answer.status).toBe(404);
    const html = await answer.text();
    expect(textOf(html)).toContain("There is no session");
    expect(one(html, "class", "button primary").attributes.get("href")).toBe("/");
  });

  it("of a session that was launched to be opened waits, and goes there once it runs", async () => {
    const waiting = consoleApp({ sessions: [session({ state: "starting", startedAt: null })] });
    const html = await (await waiting.get("/sessions/s4k2m9x0v7qrt?open=1")).text();
    const root = one(html, "id", "session").attributes;
    expect(root.has("data-opens")).toBe(true);
    expect(root.get("hx-get")).toBe("/fragments/sessions/s4k2m9x0v7qrt?open=1");
    const running = await consoleApp({ sessions: [session()] }).get("/sessions/s4k2m9x0v7qrt?open=1");
    expect([running.status, running.headers.get("location")]).toEqual([303, "/me/51458/tree"]);
  });
});

describe("a cancel", () => {
  it.each([
    ["list", "/"],
    ["session", "/sessions/s4k2m9x0v7qrt"],
    ["https://elsewhere.example", "/sessions/s4k2m9x0v7qrt"],
  ])("from %s leads back to %s", async (back, location) => {
    const { world, post } = consoleApp({ sessions: [session()] });
    const answer = await post("/sessions/s4k2m9x0v7qrt/cancel", { back });
    expect([answer.status, answer.headers.get("location")]).toEqual([303, location]);
    expect(world.canceled).toEqual(["s4k2m9x0v7qrt"]);
  });

  it("of a session that is not there is a 404 page", async () => {
    expect((await consoleApp().post("/sessions/s000000000000/cancel", {})).status).toBe(404);
  });
});

describe("the catalogue", () => {
  const services = [
    entry({ name: "broken", title: "A broken one", broken: "service.yaml: line 3" }),
    entry({
      name: "vscode",
      title: "VS Code",
      installed: false,
      missing: ["code-server", "git"],
      install: ["npm i -g code-server"],
    }),
    entry({ name: "matlab", title: "MATLAB", placements: ["compute"] }),
    entry({ name: "webshell", title: "Shell" }),
    entry(),
  ];

  it("has what can be launched first, then what is to be installed, then what cannot be used", async () => {
    const html = await (await consoleApp({ services }).get("/services")).text();
    const order = all(html, "li").map((tag) => tag.attributes.get("id"));
    expect(order).toEqual(
      ["jupyter-notebook", "webshell", "vscode", "broken", "matlab"].map((name) => `service-${name}`),
    );
    const text = textOf(html);
    expect(text).toContain(
      "Missing: code-server and git. Install with npm i -g code-server Copy Launch anyway",
    );
    expect(text).toContain("service.yaml: line 3");
    expect(text).toContain("Runs on compute only.");
  });

  it("is searched", async () => {
    const html = await (await consoleApp({ services }).get("/services?q=shell")).text();
    expect(all(html, "li")).toHaveLength(1);
  });
});

describe("an icon", () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>';

  it("is an image on its own address, where nothing in it runs", async () => {
    const { get } = consoleApp({
      services: [entry({ name: "a b", icon: svg })],
      sessions: [session({ service: "a b" })],
    });
    const answer = await get("/icons/a%20b.svg");
    expect(await answer.text()).toBe(svg);
    expect(answer.headers.get("content-type")).toBe("image/svg+xml");
    expect(answer.headers.get("content-security-policy")).toBe(
      "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    );
    const page = await (await get("/")).text();
    expect(page).not.toContain("alert(1)");
    expect(all(page, "img").map((tag) => tag.attributes.get("src"))).toEqual([
      "/icons/a%20b.svg",
      "/icons/a%20b.svg",
    ]);
  });

  it("that is not there is a 404", async () => {
    expect((await consoleApp({ services: [entry()] }).get("/icons/jupyter-notebook.svg")).status).toBe(404);
  });
});

describe("the bell", () => {
  it("counts what is new until it was looked at", async () => {
    const { get } = consoleApp({ notifications });
    const bell = async (cookie: string) =>
      one(await (await get("/", { cookie })).text(), "href", "/notifications").attributes;
    expect((await bell("")).get("aria-label")).toBe("Notifications, 2 new");
    expect((await bell("berth_seen=4")).get("aria-label")).toBe("Notifications, 1 new");
    const page = await get("/notifications", { cookie: "berth_seen=4" });
    expect(page.headers.get("set-cookie")).toMatch(/^berth_seen=5; .*HttpOnly; SameSite=Lax$/);
    const html = await page.text();
    expect(tagsOf(html).filter((tag) => tag.attributes.has("data-fresh"))).toHaveLength(1);
    expect(one(html, "href", "/sessions/s4k2m9x0v7qrt").name).toBe("a");
    expect((await bell("berth_seen=5")).get("aria-label")).toBe("Notifications");
  });

  it("believes, where there is TLS, what this host alone can have set", async () => {
    const { get } = consoleApp({ notifications });
    const edge = "https://console.example.org";
    const page = await get(`${edge}/notifications`, { cookie: "berth_seen=99" });
    const set = page.headers.get("set-cookie");
    expect(set).toMatch(/^__Host-Http-berth_seen=5; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax; Secure$/);
    const home = await (await get(`${edge}/`, { cookie: "berth_seen=99; __Host-Http-berth_seen=4" })).text();
    expect(one(home, "href", "/notifications").attributes.get("aria-label")).toBe("Notifications, 1 new");
  });

  it("says what it is for while nothing is behind it", async () => {
    expect(textOf(await (await consoleApp().get("/notifications")).text())).toContain("Nothing yet.");
  });
});

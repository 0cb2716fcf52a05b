import { describe, expect, it } from "vitest";
import { CatalogueEntry } from "../../contract/service.ts";
import type { Session } from "../../contract/session.ts";
import type { Share, ShareWith } from "../../contract/share.ts";
import { loggedOutPage, loginPage, notAdmittedPage } from "../../functions/views/login-page.tsx";
import { guestWaitingPage } from "../../functions/views/guest-page.tsx";
import { problemPage } from "../../functions/views/problem-page.tsx";
import {
  badGatewayPage,
  endedPage,
  failedPage,
  loadingPage,
  noSessionPage,
  offlinePage,
} from "../../functions/views/session-page.tsx";
import { SharePage } from "../../functions/views/share-page.tsx";
import { consoleApp } from "./console-app.ts";
import { render, tagsOf, textOf } from "./markup.ts";
import { before, entry, HOSTILE, hostile, input, partition, problem, resource, session } from "./samples.ts";

const evil = (different: Partial<Session> = {}): Session =>
  session({
    name: hostile,
    service: hostile,
    status: hostile,
    error: hostile,
    resource: hostile,
    node: hostile,
    jobId: hostile,
    scheduler: { partition: hostile, account: hostile, qos: hostile, directives: [hostile] },
    trouble: hostile,
    endsAt: before(-60_000),
    url: `/me/51458/${encodeURIComponent(hostile)}`,
    queue: { position: 1, reason: hostile, estimatedStart: before(-60_000) },
    ...different,
  });

const showWhen = { input: "text", is: hostile };
const service: CatalogueEntry = CatalogueEntry.parse({
  ...entry({
    name: "evil",
    title: hostile,
    description: hostile,
    missing: [hostile],
    install: [hostile],
    installed: false,
  }),
  inputs: [
    input({
      name: "text",
      type: "string",
      label: hostile,
      help: hostile,
      default: hostile,
      placeholder: hostile,
      pattern: ".*",
    }),
    input({ name: "lines", type: "multiline", label: hostile, default: hostile, showWhen }),
    input({ name: "few", type: "choice", label: hostile, options: [{ value: hostile, label: hostile }] }),
    input({ name: "many", type: "choice", options: HOSTILE.map((value) => ({ value })), showWhen }),
    input({ name: "number", type: "number", label: hostile, help: hostile, min: 1 }),
    input({ name: "flag", type: "boolean", label: hostile, help: hostile }),
    input({ name: "secret", type: "password", label: hostile, help: hostile }),
  ],
});
const broken = entry({ name: "broken", title: hostile, broken: hostile });

const evilPartition = partition({
  name: hostile,
  isDefault: true,
  reason: hostile,
  maxWalltime: 60,
  gpus: [{ type: hostile, total: 1, free: null }],
});

const app = consoleApp({
  agent: { online: false, host: hostile, user: hostile, version: hostile, mismatch: null },
  services: [
    service,
    broken,
    entry({ name: "anywhere", placements: ["workspace", "controller", "compute"] }),
  ],
  resources: [
    resource({ host: hostile, trouble: { text: hostile, since: before(0) }, partitions: [evilPartition] }),
    resource({ name: "lowe", state: "unreachable", reachable: false, partitions: [], askedAt: null }),
    resource({ name: "box", scheduler: "none", state: "unasked" }),
  ],
  sessions: [
    evil({ id: "srunning" }),
    evil({ id: "squeued", state: "queued", startedAt: null }),
    evil({ id: "sstarting", state: "starting", startedAt: null, reachable: false, canceling: true }),
    evil({ id: "sfailed", state: "failed", endedAt: before(1000) }),
    evil({ id: "sdone", state: "completed", endedAt: before(1000) }),
  ],
  notifications: [{ id: 1, session: "srunning", level: "error", text: hostile, at: before(0) }],
});

const answer = (request: () => Response | Promise<Response>) => async (): Promise<string> =>
  (await request()).text();
const CONSOLE = "http://localhost:8787";

const pages: Record<string, () => Promise<string>> = {
  ...Object.fromEntries(
    [
      "/",
      `/?q=${encodeURIComponent(hostile)}`,
      "/services",
      `/services?q=${encodeURIComponent(hostile)}`,
      "/launch/evil",
      "/launch/anywhere",
      "/resources",
      "/launch/broken",
      `/launch/${encodeURIComponent(hostile)}`,
      "/sessions/srunning",
      "/sessions/squeued",
      "/sessions/sstarting",
      "/sessions/sfailed",
      `/sessions/${encodeURIComponent(hostile)}`,
      "/notifications",
      "/fragments/sessions",
      "/fragments/sessions/sfailed",
      `/fragments/top?place=${encodeURIComponent(hostile)}`,
    ].map((path) => [path, answer(() => app.get(path))]),
  ),
  "a refused launch": answer(() =>
    app.post("/launch/evil", {
      "inputs.text": hostile,
      "inputs.few": hostile,
      "inputs.number": hostile,
      name: hostile,
    }),
  ),
  "a refused launch on a cluster": answer(() =>
    app.post("/launch/anywhere", {
      resource: "hopper",
      placement: "compute",
      "scheduler.partition.hopper": hostile,
      ...Object.fromEntries(
        ["account", "qos", "walltime", "memory", "gpus", "directives"].map((field) => [
          `scheduler.${field}`,
          hostile,
        ]),
      ),
    }),
  ),
  "a launch refused for its place": answer(() =>
    app.post("/launch/anywhere", { resource: "hopper", placement: hostile }),
  ),
  "the loading page": () => render(loadingPage(evil({ state: "queued" }), { streamUrl: `/wait/${hostile}` })),
  "the failed page": () => render(failedPage(evil({ state: "failed" }), CONSOLE)),
  "the ended page": () => render(endedPage(evil({ state: "canceled" }), CONSOLE)),
  "the offline page": () => render(offlinePage(evil({ reachable: false }))),
  "the page for no answer": () => render(badGatewayPage(evil(), hostile, CONSOLE)),
  "the page for no session": () => render(noSessionPage()),
  "the login page": () => render(loginPage({ href: `/login?to=${hostile}`, detail: hostile })),
  "the login page of one's own machine": () => render(loginPage({ href: null, detail: hostile })),
  "the page for who may not log in": () =>
    render(
      notAdmittedPage({ title: hostile, href: `/login?to=${hostile}`, detail: hostile, remedy: hostile }),
    ),
  "the page after the logout": () => render(loggedOutPage(null)),
  "the problem page": () =>
    render(problemPage(problem({ title: hostile, detail: hostile, remedy: hostile }))),
};

const evilShare = (id: string, whom: ShareWith): Share => ({
  id,
  session: "srunning",
  with: whom,
  mode: "use",
  createdAt: before(1000),
  endsAt: before(-1000),
  url: `${CONSOLE}/s/srunning/${hostile}`,
  guests: [hostile, hostile],
});

pages["the page for a guest who waits"] = () => render(guestWaitingPage(evil({ state: "queued" })));
pages["the share page"] = () =>
  render(
    SharePage({
      frame: {
        place: null,
        agent: { online: true, host: hostile, user: hostile, version: hostile, mismatch: null },
        unread: 0,
        name: hostile,
        operator: false,
      },
      session: evil({ id: "srunning" }),
      shares: [
        evilShare("h1", { kind: "user", email: hostile }),
        evilShare("h2", { kind: "group", name: hostile }),
      ],
      url: `${CONSOLE}/s/srunning/${hostile}`,
      refusal: null,
      filled: {
        kind: hostile,
        who: hostile,
        mode: hostile,
        hours: hostile,
        problem: problem({ detail: hostile }),
      },
      now: Date.now(),
    }),
  );

const names = Object.keys(pages);
const html = async (name: string): Promise<string> => (await pages[name]?.()) ?? "";

describe("every page, whatever it is given", () => {
  it.each(names)("%s holds nothing but markup of Berth's own", async (name) => {
    const tags = tagsOf(await html(name));
    expect(tags.length).toBeGreaterThan(3);
    for (const { name: tag, attributes } of tags) {
      expect(
        [...attributes.keys()].filter((attribute) => /^on|^style$|^hx-on|^srcdoc$/.test(attribute)),
      ).toEqual([]);
      expect(["style", "iframe", "object", "embed", "base", "template"]).not.toContain(tag);
      if (tag === "script") expect(attributes.get("src")).toMatch(/^\/assets\//);
      for (const link of ["href", "action", "src", "hx-get"]) {
        expect(attributes.get(link) ?? "/").toMatch(/^(?:\/(?![/\\])|http:\/\/localhost:8787\/|#content$|$)/);
      }
      for (const condition of ["hx-trigger", "hx-vals", "hx-confirm"])
        expect(attributes.get(condition) ?? "").not.toMatch(/\[|js:/);
    }
  });

  it.each(names)("%s has scripts only by reference", async (name) => {
    expect((await html(name)).match(/<script(?![^>]* src="\/assets\/[^"]*"[^>]*><\/script>)/g)).toBeNull();
  });

  it.each(names)("%s has ids that differ", async (name) => {
    const ids = tagsOf(await html(name)).flatMap((tag) => tag.attributes.get("id") ?? []);
    expect(ids).toEqual([...new Set(ids)]);
  });

  it.each([
    "/sessions/sfailed",
    "the failed page",
    "the page for no answer",
    "/launch/broken",
    "/notifications",
    "/resources",
  ])("%s shows the text as it was given", async (name) => {
    expect(textOf(await html(name))).toContain(hostile.replace(/\s+/g, " "));
  });
});

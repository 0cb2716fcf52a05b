import { describe, expect, it } from "vitest";
import type { ApiToken, BrowserLogin } from "../../contract/account.ts";
import { UserId } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";
import { browserName } from "../../functions/views/account-browser.ts";
import { AccountPage } from "../../functions/views/account-page.tsx";
import { LoginsSection } from "../../functions/views/account-logins.tsx";
import { TokensSection } from "../../functions/views/account-tokens.tsx";
import { Top } from "../../functions/views/layout.tsx";
import { all, one, render, tagsOf, textOf } from "./markup.ts";

const NOW = Date.parse("2026-06-01T12:00:00.000Z");

const token = (changes: Partial<ApiToken> = {}): ApiToken => ({
  id: "t1",
  name: "nightly",
  scopes: ["read", "launch"],
  createdAt: "2026-05-01T12:00:00.000Z",
  usedAt: null,
  expiresAt: null,
  ...changes,
});

const login = (changes: Partial<BrowserLogin> = {}): BrowserLogin => ({
  id: "l1",
  current: false,
  agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  from: "192.0.2.7",
  createdAt: "2026-05-30T12:00:00.000Z",
  usedAt: "2026-06-01T11:58:00.000Z",
  expiresAt: "2026-06-06T12:00:00.000Z",
  ...changes,
});

type TokensProps = Parameters<typeof TokensSection>[0];

const tokens = (changes: Partial<TokensProps> = {}): Promise<string> =>
  render(
    TokensSection({
      role: "user",
      tokens: [],
      created: undefined,
      filled: undefined,
      edge: "https://berth.example.org",
      now: NOW,
      ...changes,
    }),
  );

describe("whose account it is", () => {
  const frame = {
    place: null,
    agent: { online: false, host: null, user: null, version: null, mismatch: null },
    unread: 0,
    name: "Ana",
    operator: false,
  };
  const id = UserId.parse("u0123456789abcdefghjk");
  const ana = { id, issuer: "https://id.example.org", subject: "ana", name: "Ana", groups: [] };

  it.each([
    ["the email", "ana@example.org", "ana@example.org"],
    ["the login name, where there is no email", null, "ana"],
  ])("is said by %s beside the name, which berth join takes", async (_what, email, shown) => {
    const person = { ...ana, email, role: "user" as const };
    const page = await render(
      AccountPage({ frame, person, role: "user", logins: [], tokens: [], edge: "https://x", now: NOW }),
    );
    expect(textOf(page)).toContain(`Account Ana ${shown} user`);
  });
});

describe("a browser in words", () => {
  it.each([
    ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"],
    [
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
      "Edge on Windows",
    ],
    [
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
      "Safari on macOS",
    ],
    [
      "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1",
      "Chrome on an iPhone",
    ],
    [
      "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
      "Samsung Internet on Android",
    ],
    [
      "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
      "Chrome on ChromeOS",
    ],
    ["curl/8.0", "A browser"],
    ["", "A browser"],
    ["<script>alert(1)</script>", "A browser"],
  ])("%s", (agent, words) => {
    expect(browserName(agent)).toBe(words);
  });
});

describe("the logins", () => {
  it("say which browser, from where and when; the reader's own has the logout", async () => {
    const html = await render(
      LoginsSection({ logins: [login({ current: true }), login({ id: "l2" })], now: NOW }),
    );
    expect(textOf(html)).toContain(
      "Firefox on Linux this browser from 192.0.2.7 logged in 2 d ago used 2 min ago",
    );
    const actions = all(html, "form").map(({ attributes }) => attributes.get("action"));
    expect(actions).toEqual(["/logout", "/logout", "/account/logins/l2/end"]);
  });

  it("spell a User-Agent that is markup as the text that it is", async () => {
    const agent = `"><img src=x onerror=alert(1)>`;
    const html = await render(LoginsSection({ logins: [login({ agent })], now: NOW }));
    expect(tagsOf(html).filter(({ name }) => name === "img")).toEqual([]);
    expect(one(html, "title", agent).name).toBe("p");
  });
});

describe("the top bar", () => {
  const agent = { online: true, host: "hopper-login", user: "ana", version: "0.1.0", mismatch: null };
  const top = async (name: string | null): Promise<string> =>
    textOf(await render(Top({ place: null, agent, unread: 0, name, operator: false })));

  it("names who is logged in; on one's own machine its user and host", async () => {
    expect(await top("Ana Lima")).toContain("Ana Lima");
    expect(await top("Ana Lima")).not.toContain("hopper-login");
    expect(await top(null)).toContain("ana@hopper-login");
  });
});

describe("the tokens", () => {
  it("begin with the form where there is none", async () => {
    const html = await tokens();
    expect(all(html, "details")[0]?.attributes.has("open")).toBe(true);
    expect(textOf(html)).toContain("Make a token");
    expect(html).not.toContain('value="operator"');
  });

  it("offer the scope operator to operators", async () => {
    expect(one(await tokens({ role: "operator" }), "value", "operator").attributes.get("type")).toBe(
      "checkbox",
    );
  });

  it("say what each may do, when it was used and when it ends", async () => {
    const html = await tokens({
      tokens: [
        token({ usedAt: "2026-06-01T10:00:00.000Z", expiresAt: "2026-06-03T13:00:00.000Z" }),
        token({ id: "t2", name: "dash", scopes: ["read"] }),
        token({ id: "t3", name: "ops", scopes: ["read", "operator"] }),
      ],
    });
    const text = textOf(html);
    expect(text).toContain("nightly looks and launches made 31 d ago used 2 h ago expires in 2 d 1 h");
    expect(text).toContain("dash looks made 31 d ago never used does not expire");
    expect(text).toContain("ops looks, operates");
  });

  it("ask before one is revoked, and not before one that has expired is removed", async () => {
    const html = await tokens({
      tokens: [token(), token({ id: "t2", name: "old", expiresAt: "2026-05-30T12:00:00.000Z" })],
    });
    expect(textOf(html)).toContain("expired 2 d ago");
    expect(one(html, "id", "revoke-t1").attributes.get("role")).toBe("dialog");
    expect(html).not.toContain("revoke-t2");
    expect(one(html, "action", "/account/tokens/t2/revoke").name).toBe("form");
  });

  it("show a new one once, with what to type", async () => {
    const html = await tokens({ created: { ...token(), token: "berth_api_x.y" }, tokens: [token()] });
    expect(html.split("berth_api_x.y")).toHaveLength(4);
    expect(textOf(html)).toContain("./berth login https://berth.example.org");
    expect(textOf(await tokens({ tokens: [token()] }))).not.toContain("berth_api_");
  });

  it("give the form back as it was sent, with what is wrong at its field", async () => {
    const { problem } = new BerthError("invalid_request", "name: must not be empty", { field: "name" });
    const html = await tokens({ filled: { name: "<b>", scopes: ["read"], days: "7", problem } });
    expect(textOf(html)).toContain("Name Must not be empty");
    expect(one(html, "id", "name").attributes.get("value")).toBe("<b>");
    expect(one(html, "value", "read").attributes.has("checked")).toBe(true);
    expect(one(html, "value", "7").attributes.has("selected")).toBe(true);
  });

  it("say above the form what belongs to no field", async () => {
    const { problem } = new BerthError("invalid_request", "there are 50 tokens");
    const html = await tokens({ filled: { name: "x", scopes: ["read"], days: "", problem } });
    expect(textOf(html)).toContain("The request is not valid. There are 50 tokens.");
  });
});

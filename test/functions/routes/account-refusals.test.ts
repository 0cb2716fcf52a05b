import { env } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { BrowserLogin } from "../../../contract/account.ts";
import { makeCredential, readCredential } from "../../../functions/auth/credential.ts";
import { askWith, bearer, FROM_THE_PAGE, postFrom, revoke, tokenOf } from "../support/account.ts";
import { ask, CONSOLE, problemOf, SESSIONS } from "../support/edge.ts";
import { enrolment } from "../support/enrolled.ts";
import { browserOf, person } from "../support/people.ts";

afterEach(reset);

describe("a token", () => {
  it("that may read launches nothing, cancels nothing and opens no application", async () => {
    const { token } = await tokenOf(await browserOf(await person("ana")), ["read"]);
    expect((await askWith(token, "/api/sessions")).status).toBe(200);
    const refused = [
      await askWith(token, "/api/sessions", "POST"),
      await askWith(token, "/api/sessions/s4k2m9x0v7qrt/cancel", "POST"),
      await askWith(token, "/launch/webshell", "POST"),
      await askWith(token, "/sessions/s4k2m9x0v7qrt/cancel", "POST"),
      await askWith(token, "/me/51458/"),
      await askWith(token, "/sme/51458/"),
      await ask(`${SESSIONS}/me/51458/`, { headers: bearer(token) }),
    ];
    for (const response of refused)
      expect(await problemOf(response)).toMatchObject({ status: 403, code: "insufficient_scope" });
  });

  it("that may launch opens applications too", async () => {
    const { token } = await tokenOf(await browserOf(await person("ana")), ["launch"]);
    expect(await problemOf(await askWith(token, "/me/51458/"))).toMatchObject({ code: "no_live_session" });
  });

  it("makes no link that logs a browser in, which could do more than it may and stay when it is revoked", async () => {
    const { token } = await tokenOf(await browserOf(await person("ana")), ["launch"]);
    const response = await askWith(token, "/api/login-links", "POST");
    expect(await problemOf(response)).toMatchObject({ status: 403, code: "forbidden" });
  });

  it("cuts its owner's workspace off by no revocation", async () => {
    const ana = await person("ana");
    const { token } = await tokenOf(await browserOf(ana), ["launch"]);
    const { id } = await enrolment(ana);
    const refused = await askWith(token, `/api/agents/${id}`, "DELETE");
    expect(await problemOf(refused)).toMatchObject({ status: 403, code: "forbidden" });
    expect(await (await askWith(token, "/api/agents")).json()).toMatchObject([{ id }]);
  });

  it("is its user's alone", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const [anas, bens] = [await browserOf(ana), await browserOf(ben)];
    const { id, token } = await tokenOf(anas, ["launch"]);
    const sent = await askWith(token, "/api/me");
    expect(await sent.json()).toMatchObject({ user: ana.id });
    expect(await (await bens.go(`${CONSOLE}/api/tokens`)).json()).toEqual([]);
    expect((await revoke(bens, id)).status).toBe(404);
    expect((await askWith(token, "/api/me")).status).toBe(200);
  });

  it("signed for another user than it was made for is none, even with an id of theirs", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const { id } = await tokenOf(await browserOf(ana), ["launch"]);
    await browserOf(ben);
    const secrets = env.BERTH_COOKIE_SECRET;
    for (const user of [ana.id, ben.id]) {
      const forged = await makeCredential(secrets, { kind: "api", user, id });
      expect((await askWith(forged, "/api/me")).status).toBe(401);
    }
  });

  it("that was altered is none", async () => {
    const { token } = await tokenOf(await browserOf(await person("ana")), ["launch"]);
    const [head = "", mac = ""] = token.split(".");
    const flipped = (text: string): string =>
      text.slice(0, -3) + (text.at(-3) === "A" ? "B" : "A") + text.slice(-2);
    const altered = [
      `${flipped(head)}.${mac}`,
      `${head}.${flipped(mac)}`,
      `${head}.${mac.slice(1)}`,
      `${head}.`,
      head,
      token.replace("berth_api_", "berth_agent_"),
      token.replace("berth_api_", ""),
      `${token}x`,
    ];
    for (const each of altered) expect((await askWith(each, "/api/me")).status).toBe(401);
    expect((await askWith(token, "/api/me")).status).toBe(200);
  });

  it("signed with another secret is none", async () => {
    const ana = await person("ana");
    const { id } = await tokenOf(await browserOf(ana), ["launch"]);
    const foreign = await makeCredential("another-secret", { kind: "api", user: ana.id, id });
    expect(await readCredential(env.BERTH_COOKIE_SECRET, "api", foreign)).toBeUndefined();
    expect((await askWith(foreign, "/api/me")).status).toBe(401);
  });

  it("revokes itself, and no other", async () => {
    const browser = await browserOf(await person("ana"));
    const [one, two] = [
      await tokenOf(browser, ["read"]),
      await tokenOf(browser, ["launch"], { name: "two" }),
    ];
    const path = `/api/tokens/${one.id}`;
    expect(await problemOf(await askWith(two.token, path, "DELETE"))).toMatchObject({
      code: "forbidden",
    });
    expect((await askWith(one.token, path, "DELETE")).status).toBe(204);
    expect((await askWith(one.token, "/api/me")).status).toBe(401);
  });

  it("makes no other, and logs nobody out", async () => {
    const ana = await person("ana");
    const browser = await browserOf(ana);
    const { token } = await tokenOf(browser, ["launch"]);
    const [login] = BrowserLogin.array().parse(await (await askWith(token, "/api/logins")).json());
    const headers = { "content-type": "application/json", ...bearer(token) };
    const body = JSON.stringify({ name: "more", scopes: ["read"] });
    const made = await ask(`${CONSOLE}/api/tokens`, { method: "POST", headers, body });
    expect(await problemOf(made)).toMatchObject({ status: 403, code: "forbidden" });
    const ended = await askWith(token, `/api/logins/${login?.id}/end`, "POST");
    expect(await problemOf(ended)).toMatchObject({ status: 403, code: "forbidden" });
    expect((await browser.go(`${CONSOLE}/api/me`)).status).toBe(200);
  });
});

describe("the scope operator", () => {
  it("is an operator's to give", async () => {
    const ana = await person("ana");
    const response = await postFrom(await browserOf(ana), "/api/tokens", {
      name: "all",
      scopes: ["operator"],
    });
    expect(await problemOf(response)).toMatchObject({ status: 403, code: "forbidden", field: "scopes" });
  });

  it("is gone from a token whose user is an operator no more, and the rest stays", async () => {
    const { token } = await tokenOf(await browserOf(await person("ana", { role: "operator" })), [
      "launch",
      "operator",
    ]);
    expect(await (await askWith(token, "/api/me")).json()).toMatchObject({
      role: "operator",
      scopes: ["read", "launch", "operator"],
    });
    await browserOf(await person("ana", { role: "user" }));
    expect(await (await askWith(token, "/api/me")).json()).toMatchObject({
      role: "user",
      scopes: ["read", "launch"],
    });
  });
});

describe("what makes no token", () => {
  it.each([
    ["no name", { scopes: ["read"] }, "name"],
    ["an empty name", { name: "  ", scopes: ["read"] }, "name"],
    ["a long name", { name: "x".repeat(81), scopes: ["read"] }, "name"],
    ["a name with an escape", { name: "a\u001B[2Jb", scopes: ["read"] }, "name"],
    ["a name that turns the text around", { name: "a\u202Eb", scopes: ["read"] }, "name"],
    ["no scope", { name: "x", scopes: [] }, "scopes"],
    ["a scope that is none", { name: "x", scopes: ["write"] }, "scopes.0"],
    ["no time at all", { name: "x", scopes: ["read"], expiresInDays: 0 }, "expiresInDays"],
    ["half a day", { name: "x", scopes: ["read"], expiresInDays: 0.5 }, "expiresInDays"],
    ["an age", { name: "x", scopes: ["read"], expiresInDays: 1e9 }, "expiresInDays"],
    ["more", { name: "x", scopes: ["read"], user: "local" }, "user"],
  ])("%s", async (_what, json, field) => {
    const response = await postFrom(await browserOf(await person("ana")), "/api/tokens", json);
    expect(await problemOf(response)).toMatchObject({ status: 400, field });
  });

  it("a name that another has", async () => {
    const browser = await browserOf(await person("ana"));
    await tokenOf(browser, ["read"]);
    const again = await postFrom(browser, "/api/tokens", { name: "nightly", scopes: ["read"] });
    expect(await problemOf(again)).toMatchObject({ status: 400, field: "name" });
  });

  it("the fifty-first", async () => {
    const browser = await browserOf(await person("ana"));
    for (let count = 0; count < 50; count += 1) await tokenOf(browser, ["read"], { name: `t${count}` });
    const response = await postFrom(browser, "/api/tokens", { name: "t50", scopes: ["read"] });
    expect(await problemOf(response)).toMatchObject({ status: 400 });
  });

  it("a page of another origin", async () => {
    const browser = await browserOf(await person("ana"));
    for (const origin of [SESSIONS, "https://evil.example", "null"]) {
      const headers = { ...FROM_THE_PAGE, origin };
      const body = JSON.stringify({ name: "x", scopes: ["read"] });
      const response = await browser.go(`${CONSOLE}/api/tokens`, { method: "POST", headers, body });
      expect(response.status).toBe(403);
    }
  });
});

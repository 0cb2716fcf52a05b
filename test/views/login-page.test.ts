import { describe, expect, it } from "vitest";
import { loggedOutPage, loginPage, notAdmittedPage } from "../../functions/views/login-page.tsx";
import { one, render, textOf } from "./markup.ts";

describe("the page of somebody who is not logged in", () => {
  it("has one button, which leads to the login and back", async () => {
    const html = await render(
      loginPage({ href: "/login?to=%2Fsessions%2Fs1", detail: "this needs a login" }),
    );
    expect(one(html, "class", "button primary").attributes.get("href")).toBe("/login?to=%2Fsessions%2Fs1");
    expect(textOf(html)).toContain("This needs a login.");
  });

  it("says on one's own machine what to run there", async () => {
    const html = await render(loginPage({ href: null, detail: "this needs a login" }));
    expect(one(html, "data-copy", "berth open").name).toBe("button");
  });
});

describe("the page of somebody who may not log in", () => {
  it("says why and what to do, and offers another login", async () => {
    const href = "/login?to=%2F&as=another";
    const html = await render(notAdmittedPage({ title: "No", href, detail: "none of them", remedy: "Ask." }));
    expect(textOf(html)).toMatch(/None of them\..*Ask\./s);
    expect(one(html, "class", "button primary").attributes.get("href")).toBe(href);
  });
});

describe("the page after a logout", () => {
  it("leads on to the provider", async () => {
    const html = await render(loggedOutPage("https://id.example.org/end"));
    expect(one(html, "class", "button primary").attributes.get("href")).toBe("https://id.example.org/end");
  });

  it("says so when the provider could not be asked", async () => {
    expect(textOf(await render(loggedOutPage(null)))).toContain("could not be asked");
  });
});

import { describe, expect, it } from "vitest";
import {
  clearTransaction,
  keepTransaction,
  readTransaction,
} from "../../../functions/auth/login-transaction.ts";
import { sign } from "../../../functions/auth/signed.ts";

const SECRET = "the-secret";
const NOW = 1_700_000_000_000;
const transaction = { state: "s", nonce: "n", verifier: "v", to: "/services?q=1" };
const moment = { secure: true, now: NOW };

const pairOf = (set: string): string => set.split(";", 1)[0] ?? "";

describe("what a browser keeps while it logs in elsewhere", () => {
  it("comes back with it", async () => {
    const cookie = pairOf(await keepTransaction(SECRET, transaction, moment));
    expect(await readTransaction(SECRET, `a=1; ${cookie}; b=2`, moment)).toMatchObject(transaction);
  });

  it("is held to this host, hidden from scripts, and sent when the provider leads back", async () => {
    const cookie = await keepTransaction(SECRET, transaction, moment);
    expect(cookie).toMatch(/^__Host-\S*berth_login=/);
    expect(cookie).toMatch(/; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax; Secure$/);
    expect(clearTransaction(true)).toMatch(/berth_login=; Path=\/; Max-Age=0;/);
  });

  it("is over after ten minutes, whatever the browser does with its cookie", async () => {
    const cookie = pairOf(await keepTransaction(SECRET, transaction, moment));
    const at = (now: number) => readTransaction(SECRET, cookie, { secure: true, now });
    expect(await at(NOW + 599_000)).toBeDefined();
    expect(await at(NOW + 600_000)).toBeUndefined();
  });

  it("is nobody else's word: another secret's, another cookie's, or altered", async () => {
    const cookie = pairOf(await keepTransaction(SECRET, transaction, moment));
    const [name = ""] = cookie.split("=", 1);
    expect(await readTransaction("another", cookie, moment)).toBeUndefined();
    expect(await readTransaction(SECRET, cookie.replace(/.$/, ""), moment)).toBeUndefined();
    for (const purpose of ["console", "sessions", "code"] as const) {
      const value = await sign(SECRET, purpose, { ...transaction, expires: NOW + 1000 });
      expect(await readTransaction(SECRET, `${name}=${value}`, moment)).toBeUndefined();
    }
  });

  it("fits a cookie, however long the way back", async () => {
    const cookie = await keepTransaction(SECRET, { ...transaction, to: `/${"a".repeat(8000)}` }, moment);
    expect(cookie.length).toBeLessThan(4096);
    expect(await readTransaction(SECRET, pairOf(cookie), moment)).toMatchObject({ to: "/" });
    const long = {
      verifier: "v".repeat(43),
      state: "s".repeat(43),
      nonce: "n".repeat(43),
      to: `/${"a".repeat(1799)}`,
    };
    const kept = await keepTransaction(SECRET, long, moment);
    expect(await readTransaction(SECRET, pairOf(kept), moment)).toMatchObject(long);
  });
});

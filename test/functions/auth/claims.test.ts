import { describe, expect, it } from "vitest";
import { LOCAL_USER } from "../../../contract/person.ts";
import { personOf } from "../../../functions/auth/claims.ts";
import { shareKey, shareKeysOf } from "../../../functions/auth/share-key.ts";

const ISSUER = "https://id.example.org";
const OPEN = { claim: "groups", operators: ["operators"], allowed: null };

describe("a person, by their claims,", () => {
  it("is known by issuer and subject, and by nothing that can change", async () => {
    const one = await personOf(ISSUER, { sub: "ana", name: "Ana", email: "ana@example.org" }, OPEN);
    const later = await personOf(ISSUER, { sub: "ana", name: "Ana B.", email: "b@example.org" }, OPEN);
    const elsewhere = await personOf("https://other.example.org", { sub: "ana" }, OPEN);
    expect(one.id).toBe(later.id);
    expect(elsewhere.id).not.toBe(one.id);
    expect(one).toMatchObject({ issuer: ISSUER, subject: "ana", role: "user", groups: [] });
  });

  it("is nobody else's, whatever their provider calls itself", async () => {
    const [ana, bob] = [
      await personOf("local", { sub: "ana" }, OPEN),
      await personOf("local", { sub: "bob" }, OPEN),
    ];
    expect(new Set([ana.id, bob.id, LOCAL_USER]).size).toBe(3);
  });

  it.each<[string, object, string]>([
    ["their name", { name: "Ana", preferred_username: "ana1", email: "a@b.org" }, "Ana"],
    ["their user name", { preferred_username: "ana1", email: "a@b.org" }, "ana1"],
    ["their address", { email: "a@b.org" }, "a@b.org"],
    ["the provider's name for them", {}, "ana"],
    ["no control characters", { name: "A\u0000n\u202ea\r\nx" }, "A n a x"],
    ["what is a text", { name: 7, preferred_username: " " }, "ana"],
  ])("is called by %s", async (_what, said, name) => {
    expect((await personOf(ISSUER, { sub: "ana", ...said }, OPEN)).name).toBe(name);
  });

  it("has no address that the provider does not vouch for", async () => {
    const said = { sub: "ana", email: "bob@example.org" };
    expect((await personOf(ISSUER, { ...said, email_verified: false }, OPEN)).email).toBeNull();
    expect((await personOf(ISSUER, { ...said, email_verified: true }, OPEN)).email).toBe("bob@example.org");
    expect((await personOf(ISSUER, said, OPEN)).email).toBe("bob@example.org");
    for (const verified of [null, 0, "", "no", "False"])
      expect((await personOf(ISSUER, { ...said, email_verified: verified }, OPEN)).email).toBeNull();
  });

  it.each([
    "bob@example.org\u0000",
    " bob@example.org",
    "bob@\u200bexample.org",
    `${"b".repeat(300)}@example.org`,
  ])("has the address %j as it stands, or none: it is not made another's", async (email) => {
    expect((await personOf(ISSUER, { sub: "eve", email }, OPEN)).email).toBeNull();
  });

  it("is not meant by an address that only looks like theirs", async () => {
    const keysOf = async (email: string) => shareKeysOf(await personOf(ISSUER, { sub: "eve", email }, OPEN));
    const key = shareKey({ kind: "user", email: "Kim@Example.org" });
    expect(await keysOf("kim@example.ORG")).toContain(key);
    // U+212A KELVIN SIGN, whose lower case is a k.
    expect(await keysOf("\u212aim@example.org")).not.toContain(key);
  });

  it.each([{}, { sub: "" }, { sub: 7 }, { sub: "a".repeat(256) }, { sub: null }])(
    "needs a subject: %j",
    async (claims) => {
      await expect(personOf(ISSUER, claims, OPEN)).rejects.toMatchObject({ code: "unauthorized" });
    },
  );

  it("of no group that may log in is not admitted", async () => {
    const closed = { ...OPEN, allowed: ["tides"] };
    await expect(personOf(ISSUER, { sub: "eve", name: "Eve" }, closed)).rejects.toMatchObject({
      code: "not_admitted",
      message: 'none of the groups of "Eve" may log in here',
    });
  });

  it("has a role by all of their groups, of which a reasonable number is kept", async () => {
    const groups = [...Array.from({ length: 1000 }, (_, index) => `g${index}`), "operators"];
    const person = await personOf(ISSUER, { sub: "ana", groups }, OPEN);
    expect([person.role, person.groups.length]).toEqual(["operator", 500]);
  });
});

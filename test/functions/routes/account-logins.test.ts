import { env } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { BrowserLogin } from "../../../contract/account.ts";
import { partOf } from "../../../functions/workspace/parts.ts";
import { postFrom } from "../support/account.ts";
import { CONSOLE, problemOf } from "../support/edge.ts";
import { EventReader } from "../support/event-reader.ts";
import { browserOf, person } from "../support/people.ts";

afterEach(reset);

describe("the logins", () => {
  it("are listed, and which of them asks", async () => {
    const ana = await person("ana");
    const [laptop] = [await browserOf(ana), await browserOf(ana), await browserOf(await person("ben"))];
    const logins = BrowserLogin.array().parse(await (await laptop.go(`${CONSOLE}/api/logins`)).json());
    expect(logins).toHaveLength(2);
    expect(logins.filter(({ current }) => current)).toHaveLength(1);
  });

  it("are ended one by one, with their streams", async () => {
    const ana = await person("ana");
    const [laptop, phone] = [await browserOf(ana), await browserOf(ana)];
    const events = new EventReader(await phone.go(`${CONSOLE}/api/events`));
    await events.next();
    const logins = BrowserLogin.array().parse(await (await laptop.go(`${CONSOLE}/api/logins`)).json());
    const other = logins.find(({ current }) => !current)?.id ?? "";
    expect((await postFrom(laptop, `/api/logins/${other}/end`)).status).toBe(204);
    await expect(events.next()).rejects.toThrow("gone");
    expect((await phone.go(`${CONSOLE}/api/me`)).status).toBe(401);
    expect((await laptop.go(`${CONSOLE}/api/me`)).status).toBe(200);
    expect(await problemOf(await postFrom(laptop, `/api/logins/${other}/end`))).toMatchObject({
      status: 404,
    });
  });

  it("of another user cannot be ended", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const [anas, bens] = [await browserOf(ana), await browserOf(ben)];
    const { logins } = await partOf(env, ben.id, "account").overview(null);
    expect((await postFrom(anas, `/api/logins/${logins[0]?.id}/end`)).status).toBe(404);
    expect((await bens.go(`${CONSOLE}/api/me`)).status).toBe(200);
  });
});

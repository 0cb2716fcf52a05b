import { evictDurableObject, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { SessionId } from "../../../contract/ids.ts";
import { shareKey, shareKeysOf } from "../../../functions/auth/share-key.ts";
import { registryPart } from "../../../functions/registry/parts.ts";
import { person } from "../support/people.ts";

const DAY = 86_400_000;
const session = SessionId.parse("s4k2m9x0v7qrt");
const [ana, ben] = [await person("ana"), await person("ben")];
const owners = () => registryPart(env, "shareOwners");
const claim = (owner: typeof ana, until: number, key = "group:tides"): Promise<boolean> =>
  owners().claim(session, owner.id, { until, key });

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

it("a shared session is its first owner's, also after its share and an eviction", async () => {
  const until = Date.now() + DAY;
  expect(await owners().ownerOf(session)).toBeNull();
  expect(await claim(ana, until)).toBe(true);
  expect(await claim(ben, until + DAY)).toBe(false);
  await evictDurableObject(env.REGISTRY.getByName("registry"));
  expect(await owners().ownerOf(session)).toBe(ana.id);
  vi.setSystemTime(until + 1);
  expect(await owners().ownerOf(session)).toBeNull();
  expect(await claim(ben, until + DAY)).toBe(false);
  expect(await claim(ana, until + DAY)).toBe(true);
  expect(await owners().ownerOf(session)).toBe(ana.id);
});

it("a shorter share does not shorten a longer one", async () => {
  await claim(ana, Date.now() + 2 * DAY);
  await claim(ana, Date.now() + 1);
  vi.setSystemTime(Date.now() + DAY);
  expect(await owners().ownerOf(session)).toBe(ana.id);
});

it("who shared what is forgotten a season after it could matter", async () => {
  await claim(ana, Date.now() + DAY);
  vi.setSystemTime(Date.now() + 92 * DAY);
  expect(await claim(ben, Date.now() + DAY)).toBe(true);
});

it("who shares something with somebody is named, the last first, until it is over", async () => {
  const later = { kind: "user", email: " Cy@Example.org" } as const;
  vi.setSystemTime(Date.now());
  await claim(ana, Date.now() + DAY);
  vi.setSystemTime(Date.now() + 1000);
  const other = SessionId.parse("s4k2m9x0v7qr1");
  await owners().claim(other, ben.id, { until: Date.now() + 2 * DAY, key: shareKey(later) });
  const keys = shareKeysOf({ subject: "cy", email: "cy@example.org", groups: ["tides", "waves"] });
  expect(await owners().ownersFor(keys)).toEqual([ben.id, ana.id]);
  expect(await owners().ownersFor(["group:tide", "email:tides", "subject:cy@example.org"])).toEqual([]);
  await evictDurableObject(env.REGISTRY.getByName("registry"));
  vi.setSystemTime(Date.now() + DAY);
  expect(await owners().ownersFor(keys)).toEqual([ben.id]);
});

it("nobody is named for a session that is somebody else's", async () => {
  await claim(ana, Date.now() + DAY);
  expect(await claim(ben, Date.now() + DAY, "subject:cy")).toBe(false);
  expect(await owners().ownersFor(["subject:cy"])).toEqual([]);
});

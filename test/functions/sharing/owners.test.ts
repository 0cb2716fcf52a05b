import { evictDurableObject, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { SessionId } from "../../../contract/ids.ts";
import { registryPart } from "../../../functions/registry/parts.ts";
import { person } from "../support/people.ts";

const DAY = 86_400_000;
const session = SessionId.parse("s4k2m9x0v7qrt");
const [ana, ben] = [await person("ana"), await person("ben")];
const owners = () => registryPart(env, "shareOwners");

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

it("a shared session is its first owner's, also after its share and an eviction", async () => {
  const until = Date.now() + DAY;
  expect(await owners().ownerOf(session)).toBeNull();
  expect(await owners().claim(session, ana.id, until)).toBe(true);
  expect(await owners().claim(session, ben.id, until + DAY)).toBe(false);
  await evictDurableObject(env.REGISTRY.getByName("registry"));
  expect(await owners().ownerOf(session)).toBe(ana.id);
  vi.setSystemTime(until + 1);
  expect(await owners().ownerOf(session)).toBeNull();
  expect(await owners().claim(session, ben.id, until + DAY)).toBe(false);
  expect(await owners().claim(session, ana.id, until + DAY)).toBe(true);
  expect(await owners().ownerOf(session)).toBe(ana.id);
});

it("a shorter share does not shorten a longer one", async () => {
  await owners().claim(session, ana.id, Date.now() + 2 * DAY);
  await owners().claim(session, ana.id, Date.now() + 1);
  vi.setSystemTime(Date.now() + DAY);
  expect(await owners().ownerOf(session)).toBe(ana.id);
});

it("who shared what is forgotten a season after it could matter", async () => {
  await owners().claim(session, ana.id, Date.now() + DAY);
  vi.setSystemTime(Date.now() + 92 * DAY);
  expect(await owners().claim(session, ben.id, Date.now() + DAY)).toBe(true);
});

import { evictDurableObject, reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { LOCAL_USER } from "../../../contract/person.ts";
import { partOf } from "../../../functions/workspace/parts.ts";
import { TestAgent } from "../support/agent.ts";
import { api, launch, workspace } from "../support/edge.ts";
import { browserOf, person } from "../support/people.ts";
import { registered, registry, tell } from "../support/registry.ts";
import { running } from "../support/running.ts";
import { report } from "../support/samples.ts";

afterEach(async () => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  await reset();
});

const users = () => registered("users").list({ limit: 100 });
const lines = () => registered("auditLog").page({}, { order: "oldest", limit: 1000 });
const sessions = async () => (await registered("sessions").page({ limit: 100 })).sessions;

describe("the registry", () => {
  it("knows nobody whose workspace has nothing to tell", async () => {
    await workspace().agent();
    expect(await tell(LOCAL_USER)).toBe(false);
    expect(await users()).toEqual([]);
  });

  it("knows who has logged in, some moments later", async () => {
    const ana = await person("ana", { groups: ["physics"] });
    await browserOf(ana);
    expect(await users()).toEqual([]);
    expect(await tell(ana.id)).toBe(true);
    const [known] = await users();
    expect(known?.user).toMatchObject({ id: ana.id, name: "Ana", email: ana.email, groups: ["physics"] });
    expect(known?.workspace).toMatchObject({ online: false, host: null, version: null });
  });
});

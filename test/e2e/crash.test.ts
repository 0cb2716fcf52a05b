import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Berth } from "../support/berth.ts";
import { eventually } from "../support/eventually.ts";
import { processesOf } from "../support/processes.ts";

/** Answers every request with its process id, so that a second start would be seen. */
const PID_SERVICE = {
  "start_template.sh": `exec "$berth_node" -e '
    require("node:http").createServer((request, response) => response.end(String(process.pid)))
      .listen(Number(process.argv[1]), "127.0.0.1")' "$service_port"\n`,
};

let berth: Berth;

beforeAll(async () => {
  berth = await Berth.start({ services: { pid: PID_SERVICE } });
});

afterAll(async () => {
  await berth[Symbol.asyncDispose]();
});

async function launched(): Promise<{ id: string; url: string; pid: string }> {
  const { id } = await berth.launch({ service: "pid" });
  const { url } = await berth.until(id, "running");
  return { id, url: url ?? "", pid: await (await berth.fetch(url ?? "")).text() };
}

const answer = async (url: string): Promise<string> => {
  const response = await berth.fetch(url);
  return response.ok ? response.text() : "";
};

describe.each(["agent", "edge"] as const)("after kill -9 of the %s", (role) => {
  it("a session is still there, still usable, and not doubled", async () => {
    const session = await launched();
    await berth.crash(role);
    await eventually(async () => (await answer(session.url)) === session.pid, {
      timeoutMs: 30_000,
      what: "the same process to answer",
    });
    expect(await berth.session(session.id)).toMatchObject({ state: "running", url: session.url });
    expect(
      (await processesOf(session.id)).filter(({ command }) => command.includes("createServer")),
    ).toHaveLength(1);
    await berth.cancel(session.id);
    await berth.until(session.id, "canceled");
  });

  it("a cancel given in between takes effect", async () => {
    const session = await launched();
    const before = await berth.pid(role);
    process.kill(before ?? 0, "SIGKILL");
    await eventually(
      async () =>
        (await berth.fetch(`/api/sessions/${session.id}/cancel`, { method: "POST" })).status === 202,
      {
        timeoutMs: 30_000,
        what: "the edge to note the cancel",
      },
    );
    await berth.until(session.id, "canceled");
    expect(await processesOf(session.id)).toEqual([]);
  });
});

it("after Ctrl-C and another start the sessions are found again", async () => {
  const session = await launched();
  await berth.down();
  expect(await processesOf(session.id)).not.toEqual([]);
  await berth.up();
  await eventually(async () => (await answer(session.url)) === session.pid, {
    what: "the same process to answer",
  });
});

it("a session that ended while Berth was down has ended as what it was", async () => {
  const session = await launched();
  await berth.down();
  process.kill(Number(session.pid), "SIGKILL");
  await eventually(async () => (await processesOf(session.id)).length === 0, { what: "the session to end" });
  await berth.up();
  const ended = await berth.until(session.id, "failed");
  expect(ended.error).toMatch(/SIGKILL|137/);
});

it("a start after a kill -9 of everything takes over what is left", async () => {
  const session = await launched();
  const start = await berth.pid("start");
  process.kill(start ?? 0, "SIGKILL");
  await eventually(async () => (await berth.pid("start")) === undefined || !(await isAlive(start ?? 0)), {
    what: "npm start to be gone",
  });
  await berth.up();
  await eventually(async () => (await answer(session.url)) === session.pid, {
    what: "the same process to answer",
  });
});

async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

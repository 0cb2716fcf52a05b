import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Session } from "../../contract/session.ts";
import { Berth } from "../support/berth.ts";
import { processesOf } from "../support/processes.ts";

const PASSWORD = "the-password-that-was-typed-in";
const PROGRAM = join(import.meta.dirname, "support/hostile-service.ts");

let berth: Berth;
let session: Session;
/** The instance's own secrets, by the file of each. */
const secrets = new Map<string, string>();

beforeAll(async () => {
  berth = await Berth.start({
    services: {
      vault: {
        "service.yaml": JSON.stringify({ inputs: [{ name: "key", type: "password" }] }),
        "start_template.sh": `exec "$berth_node" ${PROGRAM} "$service_port"\n`,
      },
    },
  });
  for (const file of ["token", "agent-token", "cookie-secret"])
    secrets.set(file, (await readFile(join(berth.home, file), "utf8")).trim());
  const { id } = await berth.launch({ service: "vault", inputs: { key: PASSWORD } });
  session = await berth.until(id, "running");
  await (await berth.fetch(`/me/${session.port}/x`)).text();
});
afterAll(async () => {
  await berth[Symbol.asyncDispose]();
});

const everySecret = (): string[] => [...secrets.values(), PASSWORD];

/** Every file below a folder, but for sockets and the edge's own databases. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

function expectNone(text: string, where: string): void {
  for (const secret of everySecret()) expect([where, text.includes(secret)]).toEqual([where, false]);
}

describe("a secret", () => {
  it("is in no argument and no environment of any process of Berth's or a session's", async () => {
    const roles = await Promise.all((["edge", "agent", "start"] as const).map((role) => berth.pid(role)));
    const pids = [...roles, ...(await processesOf(session.id)).map(({ pid }) => pid)].filter(
      (pid) => pid !== undefined,
    );
    expect(pids.length).toBeGreaterThan(3);
    for (const pid of pids)
      for (const file of ["cmdline", "environ"])
        expectNone(await readFile(`/proc/${pid}/${file}`, "latin1"), `${file} of ${pid}`);
  });

  it("is in no log, of the agent, of a session, or of what was printed", async () => {
    expectNone(await readFile(join(berth.home, "run/agent.log"), "utf8"), "agent.log");
    expectNone(await (await berth.fetch(`/api/sessions/${session.id}/logs`)).text(), "the session's log");
    expectNone(berth.output.replaceAll(/code=\S+/g, ""), "what was printed");
  });

  it("is in no file that others may read, and those are in a folder that others may not enter", async () => {
    expect((await stat(berth.home)).mode & 0o777).toBe(0o700);
    const holders: string[] = [];
    for (const file of await filesBelow(berth.home)) {
      const text = await readFile(file, "latin1").catch(() => "");
      // The edge's databases are the runtime's own files; the folder keeps others from them.
      if (
        file.startsWith(join(berth.home, "edge/")) ||
        !everySecret().some((secret) => text.includes(secret))
      )
        continue;
      holders.push(file);
      expect([file, (await stat(file)).mode & 0o077]).toEqual([file, 0]);
    }
    // The test has looked where they are: each secret's own file, and the session's script.
    expect(holders.length).toBeGreaterThanOrEqual(4);
    expect((await stat(join(berth.home, "sessions", session.id))).mode & 0o777).toBe(0o700);
  });

  it("is in no address, and an application gets none by a header", async () => {
    const seen = await (await berth.fetch(`/me/${session.port}/seen`)).text();
    expectNone(seen, "what the application has seen");
    expect(seen).not.toMatch(/authorization|berth_|cookie/i);
    const listed = await (await berth.fetch("/api/sessions")).text();
    expectNone(listed, "the API");
    expect(berth.link).toMatch(/\/login\?code=[\w.-]+$/);
    expectNone(berth.link, "the login link");
  });

  it("is not written where a link leads, in place of a session's folder or its files", async () => {
    const elsewhere = join(berth.home, "elsewhere");
    await mkdir(elsewhere);
    const victim = join(elsewhere, "log");
    await writeFile(victim, "untouched\n", { mode: 0o644 });
    const log = join(berth.home, "sessions", session.id, "log");
    await rm(log);
    await symlink(victim, log);
    // The agent's own line about a broken service.json is written to the log.
    await writeFile(join(berth.home, "sessions", session.id, "service.json"), "{broken");
    const answer = await berth.fetch(`/api/sessions/${session.id}/logs`);
    await answer.text();
    await berth.cancel(session.id);
    // The end is not waited for in vain either: the link makes way for a log.
    await berth.until(session.id, "canceled");
    expect(await readFile(victim, "utf8")).toBe("untouched\n");
  });

  it("is not waited for at a pipe in place of a log, nor does the session's end wait there", async () => {
    const { id } = await berth.launch({ service: "vault", inputs: { key: PASSWORD } });
    await berth.until(id, "running");
    const log = join(berth.home, "sessions", id, "log");
    await rm(log);
    await promisify(execFile)("mkfifo", [log]);
    // As many as would hold every thread that reads files.
    for (let count = 0; count < 8; count += 1) {
      const answer = await berth.fetch(`/api/sessions/${id}/logs`).catch(() => undefined);
      await answer?.text().catch(() => undefined);
    }
    expect((await berth.cancel(id)).canceling).toBe(true);
    await berth.until(id, "canceled");
  });
});

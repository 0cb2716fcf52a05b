import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { JoinedEdge } from "../support/joined-edge.ts";

const MAIN = join(import.meta.dirname, "../../agent/main.ts");

let edge: JoinedEdge;
let home: string;

beforeAll(async () => {
  edge = await JoinedEdge.start();
  home = await mkdtemp(join(tmpdir(), "berth-join-"));
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
});

/** The berth command, running. */
class Running implements AsyncDisposable {
  output = "";
  readonly exited: Promise<number | null>;
  readonly #child;

  constructor(...args: string[]) {
    const { BERTH_EDGE: _, ...env } = process.env;
    this.#child = spawn(process.execPath, [MAIN, ...args], {
      env: { ...env, BERTH_HOME: home },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.on("data", (chunk) => (this.output += String(chunk)));
    this.exited = once(this.#child, "close").then(([code]) => code as number | null);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.exited;
  }
}

const online = async (): Promise<boolean> =>
  ((await (await edge.api("GET", "/api/agent")).json()) as { online: boolean }).online;

it("a machine joins an edge, and its agent is online there", async () => {
  await using joining = new Running("join", edge.url);
  const code = await eventually(() => /code {2}(\w{4}-\w{4})/.exec(joining.output)?.[1], {
    what: `a code in ${joining.output}`,
  });
  const fingerprint = /SHA256:\S{43}/.exec(joining.output)?.[0] ?? "none";
  expect(await edge.page(`/join?code=${code}`)).toContain(fingerprint);
  expect((await edge.send("/join", { code, decision: "approve", replaces: "" })).status).toBe(303);
  expect(await joining.exited).toBe(0);
  expect((await stat(join(home, "joined.json"))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(home, "joined.json"), "utf8")).toContain(edge.url);
  await using agent = new Running("up");
  await eventually(online, { what: `the agent to be online; ${agent.output}` });
});

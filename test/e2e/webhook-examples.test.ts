import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Session } from "../../contract/session.ts";
import { freePort } from "../support/free-port.ts";
import { commandsOf } from "../support/documentation.ts";
import { eventually } from "../support/eventually.ts";
import { ROOT } from "../support/repository-files.ts";

const commands = commandsOf(readFileSync(join(ROOT, "docs/webhooks.md"), "utf8"));

/** The documented command that says this. */
function command(words: string): string {
  const found = commands.find((each) => each.includes(words));
  if (found === undefined) throw new Error(`docs/webhooks.md has no command with "${words}"`);
  return found;
}

/** A command that goes on until it is interrupted, as with Ctrl-C, and what it has printed. */
class Typed implements AsyncDisposable {
  output = "";
  readonly #shell: ChildProcess;

  constructor(line: string, env: NodeJS.ProcessEnv) {
    this.#shell = spawn("sh", ["-c", line], {
      cwd: ROOT,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    for (const stream of [this.#shell.stdout, this.#shell.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => (this.output += text));
  }

  prints(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(() => pattern.exec(this.output), { timeoutMs: 60_000, what: String(pattern) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode, pid } = this.#shell;
    if (exitCode !== null || signalCode !== null || pid === undefined) return;
    const gone = once(this.#shell, "close");
    process.kill(-pid, "SIGINT");
    await gone;
  }
}

let home: string;
let env: NodeJS.ProcessEnv;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "berth-home-"));
  const port = await freePort();
  env = { ...process.env, HOME: home, BERTH_PORT: String(port), BERTH_EDGE: `http://localhost:${port}` };
  stack.defer(() => rm(home, { recursive: true }));
});

afterAll(async () => {
  await stack.disposeAsync();
});

it("has the examples of docs/webhooks.md work together as it says", async () => {
  const type = async (text: string): Promise<string> =>
    (await promisify(execFile)("sh", ["-c", text], { cwd: ROOT, env })).stdout.trim();
  const key = await type(command("/dev/urandom"));
  expect(key).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  const port = String(await freePort());
  const filledIn = (words: string): string =>
    command(words).replaceAll("whsec_…", `'${key}'`).replaceAll("9000", port);

  const receiver = stack.use(new Typed(filledIn("docs/examples/webhook-receiver.ts"), env));
  await receiver.prints(/^listening on /m);
  const { BERTH_EDGE: _edge, ...ownEdge } = env;
  const berth = stack.use(new Typed(filledIn("npm start"), ownEdge));
  await berth.prints(/^ready$/m);

  const launched = await type(filledIn("docs/examples/platform-call.ts session.launch"));
  expect(launched).toMatch(/^201 /);
  const { id, name } = Session.parse(JSON.parse(launched.slice(4)));
  await receiver.prints(new RegExp(`^session.ready: ${name} ${id} of local is running$`, "m"));
  const canceled = await type(
    filledIn("docs/examples/platform-call.ts session.launch")
      .replace("session.launch", "session.cancel")
      .replace(/'\{.*\}'/, `'${JSON.stringify({ user: "local", id })}'`),
  );
  expect(canceled).toMatch(/^202 /);
  await receiver.prints(new RegExp(`^session.ended: ${name} ${id} of local is canceled$`, "m"));
  const told = receiver.output.split("\n").filter((line) => line.startsWith("session."));
  expect(told.at(-1)).toMatch(/^session.ended: /);
});

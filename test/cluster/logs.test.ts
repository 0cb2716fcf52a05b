import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { needsCluster } from "../support/cluster.ts";
import { ClusterBerth, NODE_ECHO } from "../support/cluster-berth.ts";
import { eventually } from "../support/eventually.ts";

const MAIN = join(import.meta.dirname, "../../agent/main.ts");

/**
 * Prints numbered lines, among them one of every byte there is and one of 300,000 characters, and is done. The last lines
 * wait for the file `enough`: what is to happen while it prints is not too late on a busy machine.
 */
const PRINTER = {
  "start_template.sh": `
exec python3 -u -c '
import os, sys, time
out = sys.stdout.buffer
for number in range(2000):
    if number == 700:
        out.write(b"every byte: " + bytes(byte for byte in range(256) if byte != 10) + b"\\n")
    while number == 1900 and not os.path.exists(os.path.expanduser("~/enough")):
        time.sleep(0.05)
    if number == 900:
        out.write(b"long: " + b"0123456789" * 30000 + b"\\n")
    out.write(("line %d: h\\u00f6he \\U0001f30a\\n" % number).encode())
    time.sleep(0.004)
'
`,
};

/** Prepares its start on the controller node. */
const PREPARED = {
  ...NODE_ECHO,
  "service.yaml": "inputs:\n  - { name: dataset, type: string }\n",
  "controller.sh": `
echo "prepared on $HOSTNAME for $service_dataset"
$sshusercontainer status "Fetching $service_dataset"
{ echo "$HOSTNAME $service_dataset $berth_id $jobschedulertype $resource_name"; pwd; } >>~/prepared
until [[ -e ~/go ]]; do sleep 0.1; done
rm ~/go
`,
  "start_template.sh": `cat ~/prepared
${NODE_ECHO["start_template.sh"]}`,
};

/** Cannot be prepared. */
const UNPREPARED = {
  ...NODE_ECHO,
  "controller.sh": `echo "no such dataset"
exit 3
`,
};

const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => byte !== 10));

/** What it prints in all. */
const PRINTED = Buffer.concat(
  Array.from({ length: 2000 }, (_, number) => [
    ...(number === 700 ? [Buffer.from("every byte: "), EVERY_BYTE, Buffer.from("\n")] : []),
    ...(number === 900 ? [Buffer.from(`long: ${"0123456789".repeat(30_000)}\n`)] : []),
    Buffer.from(`line ${number}: höhe 🌊\n`),
  ]).flat(),
);

let hpc: ClusterBerth;

beforeEach(needsCluster());

beforeAll(async () => {
  hpc = await ClusterBerth.start({
    services: { printer: PRINTER, echo: NODE_ECHO, prepared: PREPARED, unprepared: UNPREPARED },
  });
});

afterAll(async () => {
  await hpc?.[Symbol.asyncDispose]();
});

/** Follows a log as the console's page does: where a stream breaks, the next goes on. */
class Reader {
  text = "";
  /** How many streams it took. */
  streams = 0;
  readonly over: Promise<void>;

  constructor(id: string) {
    this.over = this.#follow(`/api/sessions/${id}/logs?follow=1`);
  }

  /** Waits until it has read this. */
  async has(text: string): Promise<void> {
    await eventually(() => this.text.includes(text), { timeoutMs: 60_000, what: `"${text}" in the log` });
  }

  async #follow(path: string): Promise<void> {
    let lastId = "";
    for (;;) {
      const response = await eventually(
        async () => {
          const headers = { accept: "text/event-stream", "last-event-id": lastId };
          const answer = await hpc.berth.fetch(path, { headers });
          return answer.ok && answer;
        },
        { timeoutMs: 60_000, what: "a stream of the log" },
      );
      this.streams += 1;
      try {
        for await (const block of blocks(response)) {
          const { event, id, data } = Object.fromEntries(
            block.split("\n").map((line) => line.split(/: (.*)/s, 2)),
          );
          if (event === "end") return;
          lastId = id ?? "";
          this.text += String(JSON.parse(data ?? '""'));
        }
      } catch {
        // It broke.
      }
    }
  }
}

async function* blocks({ body }: Response): AsyncGenerator<string> {
  if (body === null) return;
  let text = "";
  for await (const piece of body.pipeThrough(new TextDecoderStream())) {
    const whole = (text + piece).split("\n\n");
    text = whole.pop() ?? "";
    yield* whole;
  }
}

/** `berth logs -f`, as a person runs it. */
class LogsCommand {
  output = Buffer.alloc(0);
  readonly over: Promise<number | null>;

  constructor(id: string) {
    const env = { ...process.env, BERTH_HOME: hpc.berth.home, BERTH_PORT: String(hpc.berth.port) };
    const child = spawn(process.execPath, [MAIN, "logs", "-f", id], {
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    child.stdout.on("data", (chunk: Buffer) => (this.output = Buffer.concat([this.output, chunk])));
    this.over = once(child, "close").then(([code]) => code as number | null);
  }

  /** Waits until it has printed this. */
  async has(text: string): Promise<void> {
    await eventually(() => this.output.includes(text), { timeoutMs: 60_000, what: `"${text}" printed` });
  }
}

/** Lets the printer come to its end. */
async function enough(): Promise<void> {
  const file = join(hpc.cluster.layout.home, "ada", "enough");
  await writeFile(file, "");
  onTestFinished(() => rm(file));
}

/** What the session's script printed, without what Berth added to its log. */
const printed = (log: Buffer): Buffer =>
  Buffer.from(log.toString("latin1").replaceAll(/^berth: .*\n/gm, ""), "latin1");

const rawLog = async (id: string): Promise<Buffer> =>
  Buffer.from(await (await hpc.berth.fetch(`/api/sessions/${id}/logs`)).arrayBuffer());

describe("a session's output", () => {
  it("comes live, without a gap or a repeat, while the connection to the cluster is lost three times", async () => {
    const { id } = await hpc.launch({ service: "printer" });
    const reader = new Reader(id);
    const command = new LogsCommand(id);
    for (const line of ["line 300:", "line 950:", "line 1400:"]) {
      await reader.has(line);
      await hpc.killConnections();
    }
    await enough();
    await Promise.all([reader.over, command.over]);
    const log = await rawLog(id);
    expect(printed(log).equals(PRINTED)).toBe(true);
    expect(command.output.equals(log)).toBe(true);
    expect(reader.text).toBe(new TextDecoder().decode(log));
    expect(await command.over).toBe(0);
    expect(reader.streams).toBe(1);
  });

  it("comes without a gap or a repeat when the agent dies in the middle", async () => {
    const { id } = await hpc.launch({ service: "printer" });
    const reader = new Reader(id);
    const command = new LogsCommand(id);
    for (const line of ["line 300:", "line 950:"]) {
      // Whoever has had nothing of a log yet is told that there is no agent.
      await Promise.all([reader.has(line), command.has(line)]);
      await hpc.berth.crash("agent");
    }
    await enough();
    await Promise.all([reader.over, command.over]);
    const log = await rawLog(id);
    expect(printed(log).equals(PRINTED)).toBe(true);
    expect(reader.text).toBe(new TextDecoder().decode(log));
    expect(command.output.equals(log)).toBe(true);
    expect(reader.streams).toBeGreaterThan(1);
  });
});

describe("the scheduler's own messages", () => {
  it.each<[string, (jobId: string) => string[], "canceled" | "failed", string]>([
    ["cancels a job", (jobId) => ["scancel", jobId], "canceled", "CANCELLED AT"],
    [
      "ends a job at its time limit",
      (jobId) => ["scontrol", "update", `JobId=${jobId}`, "EndTime=now+1seconds"],
      "failed",
      "DUE TO TIME LIMIT",
    ],
  ])("stand in the log of a session when the administrator %s", async (_what, argv, state, words) => {
    const session = await hpc.run({ scheduler: { partition: "small" } });
    const [program = "", ...parameters] = argv(session.jobId ?? "");
    await hpc.cluster.host("ctl").mustExec([program, ...parameters]);
    const reader = new Reader(session.id);
    await reader.over;
    expect(reader.text).toContain("echo begins on c2\n");
    expect(reader.text).toContain(words);
    const ended = await hpc.berth.until(session.id, state);
    if (state === "failed") expect(ended.error).toMatch(/time|walltime/i);
  });
});

describe("controller.sh", () => {
  it("runs once on the controller before the job, and its output and status are seen", async () => {
    const home = join(hpc.cluster.layout.home, "ada");
    const { id } = await hpc.launch({ service: "prepared", inputs: { dataset: "tides of '42" } });
    const reader = new Reader(id);
    await reader.has("prepared on ctl for tides of '42\n");
    await eventually(async () => (await hpc.berth.session(id)).status === "Fetching tides of '42", {
      what: "the status of controller.sh",
    });
    expect(await hpc.jobs(id)).toEqual([]);
    await hpc.berth.crash("agent");
    await writeFile(join(home, "go"), "");
    const session = await hpc.berth.until(id, "running");
    expect(await hpc.ask(session)).toMatch(/^c[12] /);
    await reader.has("echo begins on c");
    const prepared = `ctl tides of '42 ${id} CONTROLLER hopper\n/home/ada/.berth/sessions/${id}/controller\n`;
    expect(await readFile(join(home, "prepared"), "utf8")).toBe(prepared);
    expect(reader.text.split("prepared on ctl")).toHaveLength(2);
    expect(reader.text).toContain(prepared);
    await hpc.berth.cancel(id);
    await reader.over;
  });

  it("that fails keeps the session from being submitted", async () => {
    const { id } = await hpc.launch({ service: "unprepared" });
    const { error, jobId } = await hpc.berth.until(id, "failed");
    expect({ error, jobId }).toEqual({
      error: expect.stringMatching(/controller\.sh.*\n*[^]*no such dataset/),
      jobId: null,
    });
    await hpc.untilNothingIsLeft();
  });
});

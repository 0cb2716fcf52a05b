import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it, onTestFinished } from "vitest";

const MAIN = join(import.meta.dirname, "../../agent/main.ts");

it("a command whose reader has seen enough ends without a word", async () => {
  const home = await mkdtemp(join(tmpdir(), "berth-main-"));
  onTestFinished(() => rm(home, { recursive: true }));
  const child = spawn(process.execPath, [MAIN, "resource", "doctor"], {
    env: { ...process.env, BERTH_HOME: home },
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout.destroy();
  const [[code], said] = await Promise.all([once(child, "close"), text(child.stderr)]);
  expect({ code, said }).toEqual({ code: 0, said: "" });
});

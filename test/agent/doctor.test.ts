import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readConfig } from "../../agent/config.ts";
import { diagnose } from "../../agent/doctor.ts";
import { writeEdgeFile } from "../../agent/edge-file.ts";
import { writeEdgeToken } from "../../agent/edge-token.ts";

/** Nothing listens on port 1, and no token is sent there. */
const EDGE = new URL("https://localhost:1");

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "berth-doctor-"));
});

afterEach(() => rm(home, { recursive: true, force: true }));

/** What is found and how it is mended, of what holds a word. */
const findings = async (word: string): Promise<string[]> =>
  (await diagnose(readConfig({ BERTH_HOME: home })))
    .map((finding) => Object.values(finding).join(" | "))
    .filter((text) => text.includes(word));

describe("the doctor of a machine that uses an edge elsewhere", () => {
  beforeEach(() => writeEdgeFile(home, EDGE));

  it("misses nothing of a local instance, and says how to log in", async () => {
    expect(await findings("is missing")).toEqual([]);
    expect(await findings("the edge cannot be asked")).toEqual([
      expect.stringMatching(/no token for https:\/\/localhost:1 [^]*berth login/),
    ]);
    expect(await findings("the agent does not run")).toEqual([expect.stringContaining("berth up")]);
  });

  it("finds a token that others can read", async () => {
    await writeEdgeToken(home, EDGE, "berth_api_x.y");
    expect(await findings("edge-token.json")).toEqual([]);
    await chmod(join(home, "edge-token.json"), 0o644);
    expect(await findings("edge-token.json")).toEqual([expect.stringContaining("chmod 600")]);
  });
});

describe("the doctor of a machine with an instance of its own", () => {
  it("misses its secrets", async () => {
    expect(await findings("is missing")).toHaveLength(3);
  });
});

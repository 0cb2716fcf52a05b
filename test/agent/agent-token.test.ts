import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { JoinedToken } from "../../agent/agent-token.ts";
import { readJoined, removeJoined, writeJoined } from "../../agent/joined.ts";

const EDGE = new URL("https://berth.example.org");

let home: string;
let token: JoinedToken;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "berth-token-"));
  const joined = { edge: EDGE, token: "first", name: "Ana" };
  await writeJoined(home, joined);
  token = new JoinedToken(home, joined);
});

afterEach(async () => {
  await rm(home, { recursive: true, force: true });
});

/** What a new process would show. */
const onDisk = async (): Promise<string | undefined> => (await readJoined(home))?.token;

describe("a new token", () => {
  it("is on the disk, for its owner alone, before anything shows it", async () => {
    const kept = token.keep("second");
    expect(token.current).toBe("first");
    await kept;
    expect([token.current, await onDisk()]).toEqual(["second", "second"]);
    expect((await stat(join(home, "joined.json"))).mode & 0o777).toBe(0o600);
    expect(await readdir(home)).toEqual(["joined.json"]);
  });

  it("is waited for by the next link, which shows what is written", async () => {
    const kept = token.keep("second");
    expect(await token.settled()).toBe("second");
    await kept;
  });

  it("that cannot be written leaves the old one, and nothing half written", async () => {
    // Root writes anywhere: what stands in the way is a folder by the name of the draft.
    await mkdir(join(home, `joined.json.${process.pid}`));
    await expect(token.keep("second")).rejects.toThrow("EEXIST");
    expect([token.current, await token.settled(), await onDisk()]).toEqual(["first", "first", "first"]);
  });

  it("is not what a crash has left half written beside the file", async () => {
    await writeFile(join(home, "joined.json.4711"), '{"edge":"https://berth.exa');
    expect(await onDisk()).toBe("first");
    await token.keep("second");
    expect(await onDisk()).toBe("second");
  });

  it("follows one that is still being written: the last one stays", async () => {
    await Promise.all([token.keep("second"), token.keep("third")]);
    expect([token.current, await onDisk()]).toEqual(["third", "third"]);
  });
});

describe("the file", () => {
  it("names the one edge that gave the token", async () => {
    expect(JSON.parse(await readFile(join(home, "joined.json"), "utf8"))).toEqual({
      edge: "https://berth.example.org",
      token: "first",
      name: "Ana",
    });
  });

  it("that says something else is not used", async () => {
    await writeFile(
      join(home, "joined.json"),
      '{"edge":"http://berth.example.org","token":"first","name":""}',
    );
    await expect(readJoined(home)).rejects.toThrow("it is not what berth join writes");
    await removeJoined(home);
    expect(await readJoined(home)).toBeUndefined();
  });

  it("of another edge, joined while the agent runs, is not shown to this one", async () => {
    await writeJoined(home, { edge: new URL("https://other.example.org"), token: "other's", name: "Ana" });
    expect(await token.settled()).toBe("first");
  });
});

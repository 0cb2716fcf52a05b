import { execFile } from "node:child_process";
import { appendFile, mkdir, mkdtemp, open, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { FileFollower, type FollowedFile } from "../../../agent/resources/file-follower.ts";
import { eventually } from "../../support/eventually.ts";
import { needs } from "../../support/requires.ts";
import { connectionTo, startSshd, type Sshd } from "../../support/sshd.ts";

beforeEach(needs("sshd", "apt-get install openssh-server"));

/** What has been told of a file. */
class Told {
  readonly pieces: { offset: number; bytes: Buffer }[] = [];
  readonly followed: FollowedFile;
  /** What the sink does with a piece before it is told. */
  before: () => Promise<void> = async () => undefined;

  constructor(follower: FileFollower, path: string, offset = 0) {
    this.followed = follower.follow({
      path,
      offset,
      onBytes: async (bytes, at) => {
        await this.before();
        this.pieces.push({ offset: at, bytes });
      },
    });
  }

  get text(): string {
    return Buffer.concat(this.pieces.map(({ bytes }) => bytes)).toString();
  }

  async until(text: string): Promise<void> {
    await eventually(() => this.text === text, { what: JSON.stringify(text) }).catch((cause: unknown) => {
      throw new Error(`told: ${JSON.stringify(this.text.slice(0, 1000))}`, { cause });
    });
  }
}

describe("a file on a host", { timeout: 120_000 }, () => {
  let server: Sshd;
  let follower: FileFollower;
  let directory: string;

  beforeEach(async () => {
    server = await startSshd();
    follower = new FileFollower(await connectionTo(server));
    onTestFinished(() => follower[Symbol.asyncDispose]());
    directory = await mkdtemp(join(tmpdir(), "berth follower-"));
    onTestFinished(() => rm(directory, { recursive: true }));
  });

  const at = (name: string): string => join(directory, name);

  it("is told from where it is asked for, as it grows", async () => {
    await writeFile(at("log"), "one\n");
    const told = new Told(follower, at("log"), 2);
    await told.until("e\n");
    await appendFile(at("log"), "zwölf \0\n");
    await told.until("e\nzwölf \0\n");
    expect(told.pieces[0]?.offset).toBe(2);
  });

  it("need not be there yet", async () => {
    const told = new Told(follower, at("log"));
    const other = new Told(follower, at("other"));
    await writeFile(at("other"), "other");
    await other.until("other");
    await writeFile(at("log"), "late");
    await told.until("late");
  });

  it("comes without a gap and without a repeat over a lost connection", async () => {
    const told = new Told(follower, at("log"));
    let text = "";
    for (let line = 0; line < 200; line++) {
      text += `line ${line}\n`;
      await appendFile(at("log"), `line ${line}\n`);
      if (line % 60 === 30) {
        await eventually(() => told.pieces.length > 0, { what: "a piece" });
        server.killConnections();
      }
    }
    await told.until(text);
  });

  it("is told to its end by drain, and no more after it", async () => {
    const told = new Told(follower, at("log"));
    const text = "0123456789".repeat(300_000);
    await writeFile(at("log"), text);
    await eventually(() => told.pieces.length > 0, { what: "a piece" });
    await told.followed.drain();
    expect(told.text === text).toBe(true);
    await appendFile(at("log"), "more");
    const other = new Told(follower, at("log"), text.length);
    await other.until("more");
    expect(told.text.length).toBe(text.length);
  });

  it("whose sink fails comes again, and keeps no other waiting", async () => {
    const told = new Told(follower, at("log"));
    const other = new Told(follower, at("other"));
    let failures = 0;
    told.before = async () => {
      if (failures++ < 2) throw new Error("ENOSPC: the disk is full");
    };
    await writeFile(at("log"), "kept");
    await eventually(() => failures > 0, { what: "the first failure" });
    await writeFile(at("other"), "other");
    await other.until("other");
    await told.until("kept");
    await appendFile(at("log"), ", and more");
    await told.until("kept, and more");
  });

  it("whose sink takes for ever keeps no other waiting", async () => {
    const told = new Told(follower, at("log"));
    const gate = Promise.withResolvers<void>();
    told.before = () => gate.promise;
    await writeFile(at("log"), "x".repeat(3_000_000));
    const other = new Told(follower, at("other"));
    await writeFile(at("other"), "other");
    await other.until("other");
    gate.resolve();
    await eventually(() => told.text.length === 3_000_000, { what: "the rest" });
  });

  it("that is cut short is told from its beginning", async () => {
    await writeFile(at("log"), "a long first line\n");
    const told = new Told(follower, at("log"));
    await told.until("a long first line\n");
    await truncate(at("log"));
    await appendFile(at("log"), "anew\n");
    await told.until("a long first line\nanew\n");
  });

  it("that is replaced by a pipe, a link to a device or a directory keeps no other waiting", async () => {
    const names = ["pipe", "device", "directory", "loop"];
    const odd = names.map((name) => new Told(follower, at(name)));
    for (const name of names) await writeFile(at(name), name);
    await Promise.all(odd.map((told, index) => told.until(names[index] ?? "")));
    await promisify(execFile)("mkfifo", [at("next")]);
    await rename(at("next"), at("pipe"));
    for (const name of names.slice(1)) await rm(at(name));
    await symlink("/dev/zero", at("device"));
    await mkdir(at("directory"));
    await symlink("loop", at("loop"));
    const other = new Told(follower, at("other"));
    await writeFile(at("other"), "other");
    await other.until("other");
    for (const told of odd) await told.followed.drain();
    expect(odd.map(({ text }) => text)).toEqual(names);
  });

  it("of gigabytes is told from near its end, and drained in no time", async () => {
    {
      await using file = await open(at("log"), "w");
      await file.write("the end", 8 * 1_073_741_824);
    }
    const told = new Told(follower, at("log"));
    await eventually(() => told.pieces.length > 0, { what: "a piece" });
    expect(told.pieces[0]?.offset).toBeGreaterThan(7 * 1_073_741_824);
    await told.followed.drain();
    expect(told.pieces.at(-1)?.bytes.subarray(-7).toString()).toBe("the end");
    expect(told.text.length).toBeLessThan(80 * 1_048_576);
  });

  it("is one of three hundred that take one channel and one program", async () => {
    const all = Array.from({ length: 300 }, (_, index) => new Told(follower, at(`log ${index}`)));
    for (let index = 0; index < 300; index++) await writeFile(at(`log ${index}`), `${index}`);
    await eventually(() => all.every(({ text }, index) => text === `${index}`), {
      timeoutMs: 90_000,
      what: "all of them",
    });
    expect(server.accepted()).toBe(1);
    for (const { followed } of all) followed[Symbol.dispose]();
    const again = new Told(follower, at("log 0"));
    await again.until("0");
  });
});

import { once } from "node:events";
import { readdir } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import type { SessionDirectory } from "../../support/session-directory.ts";
import { sessionDirectory } from "../../support/session-directory.ts";

const withStart = (script: string, options: { name?: string } = {}): Promise<SessionDirectory> =>
  sessionDirectory({ "start_template.sh": script }, options);

describe.each(["plain-path", "a 'path' with \"quotes\" and *"])("telling, from %s,", (name) => {
  it("reaches the agent from any directory and any shell", async () => {
    const session = await withStart(
      `$sshusercontainer status "Installing it's \\"here\\""
       cd /
       $sshusercontainer notify
       sh -c "$sshusercontainer status 'from a child'"
       $sshusercontainer status two  words
       $sshusercontainer fail "no licence"`,
      { name },
    );
    expect(await (await session.start()).ended).toBe(0);
    expect(await session.reports()).toEqual(
      ["status", `Installing it's "here"`, "notify", "", "status", "from a child"].concat([
        "status",
        "two words",
        "fail",
        "no licence",
        "ended",
        "0",
      ]),
    );
  });

  it("keeps each record whole when many tell at once", async () => {
    const session = await withStart(
      `for i in {10..39}; do $sshusercontainer status "$(printf "$i%.0s" {1..1500})" & done; wait`,
      { name },
    );
    await (
      await session.start()
    ).ended;
    const texts = (await session.reports()).filter((_field, at) => at % 2 === 1).slice(0, -1);
    const whole = Array.from({ length: 30 }, (_, at) => String(at + 10).repeat(1000));
    expect(texts.toSorted()).toEqual(whole);
  });

  it("makes one line of any text", async () => {
    const session = await withStart(
      `$sshusercontainer status $'a\\nb\\tc\\e[31m\\x7f'; $sshusercontainer stop x; echo $?`,
      { name },
    );
    await (
      await session.start()
    ).ended;
    expect((await session.reports()).slice(0, 2)).toEqual(["status", "a b c [31m "]);
    expect(await session.read("log")).toBe("usage: tell status|notify|fail [text]\n2\n");
  });

  it("fails the session by displayErrorMessage", async () => {
    const session = await withStart('displayErrorMessage "Cannot find\nMATLAB"; echo on', { name });
    expect(await (await session.start()).ended).toBe(1);
    expect(await session.reports()).toEqual(["fail", "Cannot find MATLAB", "ended", "1"]);
    expect(await session.read("log")).toBe("Cannot find\nMATLAB\n");
  });
});

/** Runs a start script to its end and gives the lines that it printed. */
async function output(script: string): Promise<string[]> {
  const session = await withStart(script);
  await (
    await session.start()
  ).ended;
  return (await session.read("log")).split("\n").slice(0, -1);
}

describe("findAvailablePort", () => {
  it("gives a port of the range, seldom the same", async () => {
    const ports = (await output("set -eu; for i in {1..10}; do findAvailablePort & done; wait")).map(Number);
    expect(ports.every((port) => port >= 20_000 && port <= 32_000)).toBe(true);
    expect(new Set(ports).size).toBeGreaterThan(5);
  });

  it.each(["127.0.0.1", "0.0.0.0", "::1", "::"])("passes over one that is taken on %s", async (host) => {
    const server = createServer().listen(0, host);
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const script = `berth_port_range=${port}-${port}; findAvailablePort || echo none`;
    expect(await output(script)).toEqual([`findAvailablePort: no port of ${port}-${port} is free`, "none"]);
  });

  it.each(["22-80", "30000-20000", "20000-70000", "20000", "1024-0x7fff", "a[$(touch x)]-20000"])(
    "refuses the range %s",
    async (range) => {
      const session = await withStart(`berth_port_range='${range}'; findAvailablePort`);
      expect(await (await session.start()).ended).toBe(1);
      expect(await session.read("log")).toContain("berth_port_range must be two ports from 1024 to 65535");
      expect(await readdir(session.path)).not.toContain("x");
    },
  );
});

import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import type { Child } from "../../support/children.ts";
import { childrenOf, residentMemory } from "../../support/children.ts";
import { eventually } from "../../support/eventually.ts";
import type { RunningService } from "../../support/service-script.ts";
import { runService } from "../../support/service-script.ts";
import { ShellPage } from "../../support/shell-page.ts";
import { BASH, webShell as shell } from "../../support/web-shell.ts";

vi.setConfig({ testTimeout: 90_000 });

/** The Node process of a service, and the shell in it. */
async function processes(service: RunningService): Promise<{ server: number; shell: number }> {
  const [server] = await childrenOf(service.process.pid ?? 0);
  const [inside] = await childrenOf(server?.pid ?? 0);
  return { server: server?.pid ?? 0, shell: inside?.pid ?? 0 };
}

/** The child of this name, once there is one. */
const child = (pid: number, name: string): Promise<Child> =>
  eventually(async () => (await childrenOf(pid)).find((found) => found.name === name), { what: name });

/** Waits until a process has written nothing more for a row of looks. */
async function untilBlocked(pid: number, name: string): Promise<void> {
  let [last, looks] = [-1, 0];
  await eventually(
    async () => {
      const { written } = await child(pid, name);
      looks = written === last ? looks + 1 : 0;
      last = written;
      return looks >= 10;
    },
    { what: `${name} to be held up` },
  );
}

describe("the web shell", () => {
  it("runs what is typed", async () => {
    const page = await ShellPage.open(await shell());
    page.type("echo $((6*7))\r");
    expect(await page.shows(/^42\r$/m)).toBe(true);
  });

  it("starts in the home, as a login shell, with colours and UTF-8", async () => {
    const service = await shell({ environment: { ...BASH, LANG: "", LC_ALL: "", LC_CTYPE: "" } });
    const page = await ShellPage.open(service);
    page.type('echo "<$PWD|$TERM|$COLORTERM|$(shopt login_shell)|$(locale charmap)>"\r');
    expect(await page.shows(/<[^|$]*\|xterm-256color\|truecolor\|login_shell\s+on\|UTF-8>/)).toBe(true);
    expect(page.text).toContain(`<${service.home}|`);
    page.type("echo naïve-日本-$((1+1))\r");
    expect(await page.shows(/^naïve-日本-2\r$/m)).toBe(true);
    page.type("env | grep -c -e NODE_COMPILE -e service_ -e basepath\r");
    expect(await page.shows(/^0\r$/m)).toBe(true);
  });

  it.each(["plain", 'it\'s "$(touch x)" `touch y` ; \n* $HOME', "-n"])(
    "starts in a folder of the home named %j",
    async (name) => {
      const { home } = await shell();
      await mkdir(join(home, name));
      const page = await ShellPage.open(await shell({ home, inputs: { folder: name } }));
      page.type("pwd | base64 -w 0; echo .\r");
      expect(await page.shows(/^[A-Za-z0-9+/=]{8,}\.\r$/m)).toBe(true);
      const folder = Buffer.from(
        /^([A-Za-z0-9+/=]{8,})\.\r$/m.exec(page.text)?.[1] ?? "",
        "base64",
      ).toString();
      expect(folder).toBe(`${join(home, name)}\n`);
    },
  );

  it.each([
    ["a folder that is not there", { folder: "no/where" }, /Cannot start a shell in ".*\/no\/where"/],
    ["a shell that is not there", { shell: "no-such-shell" }, /Cannot find the shell "no-such-shell"/],
  ])("says so instead of starting with %s", async (_, inputs, message) => {
    const service = await runService("webshell", { environment: BASH, inputs });
    expect(await service.ended()).not.toBe(0);
    expect(await service.error()).toMatch(message);
  });

  it("has the size of the page's window", async () => {
    const page = await ShellPage.open(await shell());
    page.tell({ type: "resize", columns: 101, rows: 33 });
    await page.says("size", ({ columns, rows, leads }) => columns === 101 && rows === 33 && leads);
    page.type("stty size\r");
    expect(await page.shows(/^33 101\r$/m)).toBe(true);
  });

  it("shows a page that is loaded again what it showed before, and goes on", async () => {
    const service = await shell();
    const first = await ShellPage.open(service);
    first.type("answer=42; echo set-$((1+1))\r");
    await first.shows(/^set-2\r$/m);
    first.socket.close();
    const again = await ShellPage.open(service);
    expect(again.attach).toMatchObject({ isFresh: true, offset: 0 });
    expect(await again.shows(/^set-2\r$/m)).toBe(true);
    again.type('echo "it is $answer"\r');
    expect(await again.shows(/^it is 42\r$/m)).toBe(true);
  });

  it("gives a page that lost its connection only what it missed", async () => {
    const service = await shell();
    const page = await ShellPage.open(service);
    page.type("echo before-$((1+1))\r");
    await page.shows(/^before-2\r$/m);
    page.type("until [ -e go ]; do sleep 0.05; done; echo meanwhile-$((1+1))\r");
    await page.shows(/meanwhile-\$/);
    const position = { epoch: page.attach?.epoch ?? "", offset: page.offset };
    page.socket.terminate();
    await writeFile(join(service.home, "go"), "");
    const back = await ShellPage.open(service, { position });
    expect(back.attach).toMatchObject({ isFresh: false, offset: position.offset });
    expect(await back.shows(/^meanwhile-2\r$/m)).toBe(true);
    expect(back.text).not.toContain("before");
    const stranger = await ShellPage.open(service, { position: { ...position, epoch: "another" } });
    expect(stranger.attach).toMatchObject({ isFresh: true, offset: 0 });
  });

  it("is shared by several pages, of which the last to be used gives the size", async () => {
    const service = await shell();
    const [one, other] = [await ShellPage.open(service), await ShellPage.open(service)];
    one.tell({ type: "resize", columns: 90, rows: 20 });
    await other.says("size", ({ columns, leads }) => columns === 90 && !leads);
    other.tell({ type: "resize", columns: 70, rows: 20 });
    await one.says("size", ({ columns, leads }) => columns === 70 && !leads);
    one.type("echo shared-$((1+1))\r");
    expect(await Promise.all([one.shows(/^shared-2\r$/m), other.shows(/^shared-2\r$/m)])).toEqual([
      true,
      true,
    ]);
    other.socket.close();
    expect(await one.says("size", ({ columns, leads }) => columns === 70 && leads)).toBeDefined();
  });

  it("tells where the shell is, for the page's title", async () => {
    const page = await ShellPage.open(await shell());
    expect(await page.says("title", ({ text }) => text.endsWith(":~"))).toBeDefined();
    page.type("cd /usr/lib\r");
    expect(await page.says("title", ({ text }) => text.endsWith(":/usr/lib"))).toBeDefined();
  });

  it("takes a long paste without a loss", async () => {
    const service = await shell();
    const page = await ShellPage.open(service);
    const paste = Array.from({ length: 20_000 }, (_, line) => `line ${line} äöü ${"x".repeat(30)}`).join(
      "\n",
    );
    page.type("stty -echo; echo ready-$((1+1)); cat > pasted; echo taken-$((1+1))\r");
    // The shell itself no longer reads: it would take the ends of lines otherwise.
    await page.shows(/^ready-2\r$/m);
    for (let at = 0; at < paste.length; at += 65_536)
      page.type(paste.slice(at, at + 65_536).replaceAll("\n", "\r"));
    page.type("\r\x04");
    expect(await page.shows(/^taken-2\r$/m, 60_000)).toBe(true);
    expect(await readFile(join(service.home, "pasted"), "utf8")).toBe(`${paste}\n`);
  });
});

describe("a flood of output", () => {
  it("waits for the page in view, in bounded memory, and is ended by Ctrl-C", async () => {
    const service = await shell();
    const { server, shell: inside } = await processes(service);
    const page = await ShellPage.open(service);
    page.tell({ type: "resize", columns: 80, rows: 24 });
    page.type("yes\r");
    await eventually(() => page.received > 4_000_000, { what: "a flood" });
    const before = await residentMemory(server);
    page.acknowledges = false;
    await untilBlocked(inside, "yes");
    expect((await residentMemory(server)) - before).toBeLessThan(16);
    page.type("\x03");
    await eventually(async () => (await childrenOf(inside)).length === 0, { what: "the end of yes" });
    page.acknowledges = true;
    page.acknowledge();
    page.type("echo over-$((1+1))\r");
    expect(await page.shows(/^over-2\r$/m)).toBe(true);
  });

  it.each([
    ["no page is open", (page: ShellPage) => page.socket.terminate()],
    ["the page is out of sight", (page: ShellPage) => page.tell({ type: "hide" })],
  ])("waits for nobody while %s", async (_, leave) => {
    const service = await shell();
    const { shell: inside } = await processes(service);
    const page = await ShellPage.open(service);
    page.tell({ type: "resize", columns: 80, rows: 24 });
    page.acknowledges = false;
    page.type("yes\r");
    await untilBlocked(inside, "yes");
    const { written } = await child(inside, "yes");
    leave(page);
    expect(await eventually(async () => (await child(inside, "yes")).written > written + 4_000_000)).toBe(
      true,
    );
  });

  it("leaves a page that cannot follow behind, which goes on with the end", async () => {
    const service = await shell();
    const [slow, leading] = [await ShellPage.open(service), await ShellPage.open(service)];
    slow.acknowledges = false;
    leading.tell({ type: "resize", columns: 80, rows: 24 });
    leading.type("seq 1 1000000; echo over-$((1+1))\r");
    expect(await leading.shows(/^over-2\r$/m, 60_000)).toBe(true);
    expect(leading.attach?.offset).toBe(0);
    expect(slow.received).toBeLessThan(262_144);
    slow.acknowledges = true;
    slow.acknowledge();
    expect(await slow.shows(/^over-2\r$/m)).toBe(true);
    expect(slow.attach?.offset).toBeGreaterThan(6_000_000);
    // A clean place to begin at: the start of a line.
    expect(slow.text).toMatch(/^\d+\r\n\d+\r\n/);
  });
});

describe("the end of the web shell", () => {
  it("comes with exit, whatever its code, and completes the session", async () => {
    const service = await shell();
    const page = await ShellPage.open(service);
    const closed = once(page.socket, "close");
    page.type("exit 3\r");
    expect(await page.says("ended")).toEqual({ type: "ended", code: 3 });
    expect(((await closed) as [number])[0]).toBe(1000);
    expect(await service.ended()).toBe(0);
  });

  it("is a failure when the shell ended before a page was open", async () => {
    const service = await runService("webshell", {
      environment: { ...BASH, ENV: "", BASH_ENV: "" },
      inputs: { shell: "false" },
    });
    expect(await service.ended()).toBe(1);
    expect(await service.log()).toMatch(/ended with exit code 1\nnobody had opened it yet/);
  });

  it("comes with a signal, and with it what runs in the shell", async () => {
    const service = await shell();
    const { shell: inside } = await processes(service);
    const page = await ShellPage.open(service);
    page.type("sleep 1000\r");
    const { pid } = await child(inside, "sleep");
    process.kill(-(service.process.pid ?? 0), "SIGTERM");
    expect(await page.says("ended")).toBeDefined();
    expect(await eventually(() => !isAlive(pid), { what: "the end of sleep" })).toBe(true);
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

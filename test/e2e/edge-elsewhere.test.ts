import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CreatedToken } from "../../contract/account.ts";
import type { Scope } from "../../contract/person.ts";
import { LocalEdge } from "../../local/edge.ts";
import { AccessProxy } from "../support/access-proxy.ts";
import { freePort } from "../support/free-port.ts";
import { BerthCommand } from "../support/berth-command.ts";
import { HttpBrowser } from "../support/http-browser.ts";
import { SECRETS } from "../support/oidc-edge.ts";

/** An edge to which people log in by name, as a deployed one: not this machine's own, though it runs here. */
let edge: LocalEdge;
let url: string;
let state: string;
let proxy: AccessProxy;
let browser: HttpBrowser;
let command: BerthCommand;

beforeAll(async () => {
  const port = await freePort();
  url = `http://localhost:${port}`;
  state = await mkdtemp(join(tmpdir(), "berth-edge-"));
  proxy = await AccessProxy.start();
  edge = await LocalEdge.start({ port, state, secrets: SECRETS, attempts: 10_000, bindings: proxy.bindings });
  browser = new HttpBrowser();
  await browser.go(`${url}/login`, { headers: await named() });
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await rm(state, { recursive: true, force: true });
});

/** What the proxy in front adds to each request of Ana's browser. */
const named = (): Promise<Record<string, string>> => proxy.headers("ana");

beforeEach(async () => {
  command = await BerthCommand.open();
  // Nothing answers as this machine's own edge.
  Object.assign(command.env, { BERTH_EDGE: "", BERTH_PORT: "1" });
  await writeFile(join(command.home, "token"), "local-token\n", { mode: 0o600 });
  return () => command[Symbol.asyncDispose]();
});

/** A token, as the console's own page makes it. */
async function tokenFor(name: string, scopes: readonly Scope[]): Promise<CreatedToken> {
  const response = await browser.go(`${url}/api/tokens`, {
    json: { name, scopes },
    headers: await named(),
  });
  return CreatedToken.parse(await response.json());
}

const login = (token: string) => command.runWith(`${token}\n`, "login", url);

const statusOf = async (token: string): Promise<number> =>
  (await fetch(`${url}/api/me`, { headers: { authorization: `Bearer ${token}` } })).status;

describe("the command line with an edge elsewhere", () => {
  it("logs in with a token from standard input, says who that is, and lists", async () => {
    const { token } = await tokenFor("stdin", ["launch"]);
    expect(await login(token)).toEqual({
      code: 0,
      stdout: `Logged in at ${url} as Ana, to read and launch.\n`,
      stderr: "",
    });
    const { stdout } = await command.run("whoami", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      edge: url,
      name: "Ana",
      scopes: ["read", "launch"],
      token: { name: "stdin" },
    });
    expect((await command.run("whoami")).stdout).toMatch(
      /^edge {3}http:.*\nname {3}Ana\n[^]*token {2}stdin\n/,
    );
    expect((await command.run("list")).code).toBe(0);
    // What was there stays what it was.
    expect(await readFile(join(command.home, "token"), "utf8")).toBe("local-token\n");
  });

  it("asks for the token at a terminal, and does not show it", async () => {
    const { token } = await tokenFor("terminal", ["read"]);
    const end = await command.runAtTerminal(["login", url], "API token for", token);
    expect(end.code).toBe(0);
    expect(end.stdout).toContain("Logged in at");
    expect(end.stdout).not.toContain(token.slice(0, 16));
  });

  it("takes the token from a file, or from the environment", async () => {
    const { token } = await tokenFor("file", ["read"]);
    const file = join(command.home, "given");
    await writeFile(file, `${token}\n`, { mode: 0o600 });
    expect((await command.run("login", url, "--token-file", file)).code).toBe(0);
    await using other = await BerthCommand.open();
    Object.assign(other.env, { BERTH_EDGE: url, BERTH_TOKEN: token });
    expect((await other.run("whoami")).stdout).toContain("file");
  });

  it.each(["", "local-token", "berth_agent_x.y", "two words"])("refuses %j as a token", async (token) => {
    const { code, stderr } = await login(token);
    expect(code).toBe(1);
    expect(stderr).toContain("that is no API token");
    expect((await command.run("whoami")).stderr).toContain("does not answer");
  });

  it("keeps nothing of a token that the edge does not take", async () => {
    const { code, stderr } = await login("berth_api_x.y");
    expect(code).toBe(1);
    expect(stderr).toContain(`${url} does not take this token`);
    await expect(readFile(join(command.home, "edge.json"))).rejects.toThrow("ENOENT");
    await expect(readFile(join(command.home, "edge-token.json"))).rejects.toThrow("ENOENT");
  });

  it("says which scope is missing, and what to do", async () => {
    const { token } = await tokenFor("reader", ["read"]);
    await login(token);
    const { code, stderr } = await command.run("cancel", "s4k2m9x0v7qrt");
    expect(code).toBe(1);
    expect(stderr).toContain('it needs the scope "launch"');
    expect(stderr).toContain("berth login");
  });

  it("says when the token was revoked", async () => {
    const { id, token } = await tokenFor("short", ["read"]);
    await login(token);
    await browser.go(`${url}/api/tokens/${id}`, {
      method: "DELETE",
      headers: { ...(await named()), origin: url },
    });
    const { code, stderr } = await command.run("list");
    expect(code).toBe(1);
    expect(stderr).toMatch(/was revoked, or has ended\n.*berth login/);
  });

  it("logs out: forgets the edge, and revokes the token there", async () => {
    const { token } = await tokenFor("leaving", ["read"]);
    await login(token);
    expect((await command.run("logout")).stdout).toBe(`Logged out of ${url}; its token is revoked.\n`);
    expect(await statusOf(token)).toBe(401);
    expect((await command.run("logout")).stdout).toBe("No login is kept here.\n");
    expect(await readFile(join(command.home, "token"), "utf8")).toBe("local-token\n");
  });

  it("opens the console, where people log in by name", async () => {
    const { token } = await tokenFor("opener", ["launch"]);
    await login(token);
    expect((await command.run("open")).stdout).toBe(`${url}/\n`);
  });

  it("leaves the login to the environment, where that names an edge", async () => {
    const { token } = await tokenFor("shadowed", ["read"]);
    await login(token);
    command.env["BERTH_EDGE"] = "https://localhost:1";
    expect((await command.run("whoami")).stderr).toContain("no token for https://localhost:1");
    expect((await login(token)).stderr).toContain("is used before this login");
  });
});

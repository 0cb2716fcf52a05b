import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readConfig } from "../../agent/config.ts";
import { edgeAccess } from "../../agent/edge-access.ts";
import { parseEdge, readEdgeFile, removeEdgeFile, writeEdgeFile } from "../../agent/edge-file.ts";
import { readEdgeToken, writeEdgeToken } from "../../agent/edge-token.ts";

const EDGE = new URL("https://berth.example.org");
const OTHER = new URL("https://other.example.org");

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "berth-home-"));
});

afterEach(() => rm(home, { recursive: true, force: true }));

/** What the command line asks and shows, with this environment; the error where it shows nothing. */
async function access(environment: NodeJS.ProcessEnv = {}): Promise<string> {
  try {
    const { edge, token } = await edgeAccess(readConfig({ BERTH_HOME: home, ...environment }));
    return `${edge.origin} ${token}`;
  } catch (error) {
    return (error as Error).message;
  }
}

const nothing = (edge: string): string => `no token for ${edge} is in ${home}`;

describe("the token of the local instance", () => {
  beforeEach(() => writeFile(join(home, "token"), "local-token\n"));

  it("is for the machine's own edge", async () => {
    expect(await access()).toBe("http://localhost:8787 local-token");
    expect(await access({ BERTH_PORT: "9000" })).toBe("http://localhost:9000 local-token");
    expect(await access({ BERTH_EDGE: "http://127.0.0.1:8787" })).toBe("http://127.0.0.1:8787 local-token");
  });

  it.each([
    "https://berth.example.org",
    "https://localhost:8787",
    "http://localhost:9000",
    "https://localhost.example.org:8787",
  ])("is not shown to %s", async (edge) => {
    expect(await access({ BERTH_EDGE: edge })).toBe(nothing(edge));
  });

  it("is not shown to an edge that was logged in to, nor replaced by its token", async () => {
    await writeEdgeFile(home, EDGE);
    expect(await access()).toBe(nothing(EDGE.origin));
    await writeEdgeToken(home, EDGE, "its-token");
    expect(await access()).toBe("https://berth.example.org its-token");
    expect(await readFile(join(home, "token"), "utf8")).toBe("local-token\n");
  });
});

describe("the token of a login", () => {
  beforeEach(async () => {
    await writeEdgeFile(home, EDGE);
    await writeEdgeToken(home, EDGE, "its-token");
  });

  it("is for that edge alone, also when this machine uses another by now", async () => {
    expect(await access({ BERTH_EDGE: OTHER.href })).toBe(nothing(OTHER.origin));
    await writeEdgeFile(home, OTHER);
    expect(await access()).toBe(nothing(OTHER.origin));
    expect(await access({ BERTH_EDGE: "https://berth.example.org:8443" })).toBe(
      nothing("https://berth.example.org:8443"),
    );
    expect(await access({ BERTH_EDGE: EDGE.href })).toBe("https://berth.example.org its-token");
  });

  it("is its owner's alone to read", async () => {
    expect((await stat(join(home, "edge-token.json"))).mode & 0o777).toBe(0o600);
    expect((await stat(join(home, "edge.json"))).mode & 0o777).toBe(0o600);
  });

  it("and the edge give way to the environment's", async () => {
    expect(await access({ BERTH_TOKEN: "x" })).toBe("https://berth.example.org x");
    expect(await access({ BERTH_TOKEN: "x", BERTH_EDGE: OTHER.href })).toBe("https://other.example.org x");
    expect(await access({ BERTH_TOKEN: "", BERTH_EDGE: "" })).toBe("https://berth.example.org its-token");
  });

  it("is not told by the error about a file that is not right", async () => {
    await writeFile(join(home, "edge-token.json"), '{"token": "its-secret", ');
    const error = await readEdgeToken(home, EDGE).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: "invalid_request" });
    expect(inspect(error)).not.toContain("its-sec");
  });
});

describe("the edge of a machine", () => {
  it("is written down, and forgotten", async () => {
    expect(await readEdgeFile(home)).toBeUndefined();
    await writeEdgeFile(home, EDGE);
    expect(await readEdgeFile(home)).toEqual({ url: EDGE });
    await removeEdgeFile(home);
    await removeEdgeFile(home);
    expect(await readEdgeFile(home)).toBeUndefined();
  });

  it.each(["", "{}", '{"url": 1}', '{"url": "http://berth.example.org"}', "https://berth.example.org"])(
    "is not guessed from %j",
    async (text) => {
      await writeFile(join(home, "edge.json"), text);
      await expect(readEdgeFile(home)).rejects.toMatchObject({ code: "invalid_request" });
    },
  );
});

describe("an edge's address", () => {
  it.each([
    ["berth.example.org", "https://berth.example.org"],
    ["https://berth.example.org/account?x#y", "https://berth.example.org"],
    [" https://Berth.Example.org:8443/ ", "https://berth.example.org:8443"],
    ["http://localhost:8787", "http://localhost:8787"],
    ["http://127.0.0.1:8787", "http://127.0.0.1:8787"],
    ["http://[::1]:8787", "http://[::1]:8787"],
  ])("%j is %s", (typed, origin) => {
    expect(parseEdge(typed).origin).toBe(origin);
  });

  it.each([
    "",
    "http://berth.example.org",
    "http://localhost.example.org",
    "http://berth.localhost",
    "http://127.0.0.1.example.org",
    "http://10.0.0.1",
    "ftp://berth.example.org",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "https://ana:secret@berth.example.org",
    "https://",
    "two words",
  ])("%j is none", (typed) => {
    expect(() => parseEdge(typed)).toThrow("Cannot use the edge");
  });
});

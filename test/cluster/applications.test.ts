import { copyFile, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Page } from "playwright-core";
import { findProgram } from "../../agent/programs.ts";
import { TestBrowser } from "../support/browser.ts";
import { needsCluster } from "../support/cluster.ts";
import { ClusterBerth } from "../support/cluster-berth.ts";
import { eventually } from "../support/eventually.ts";
import { needs } from "../support/requires.ts";
import { selfSigned } from "../support/self-signed.ts";

import { HOSTS, NODES } from "./layout.ts";

const { key, cert } = selfSigned("localhost");

/** Answers over HTTPS with a certificate that nobody has signed. */
const SECRET_ECHO = {
  "service.yaml": "title: Over HTTPS\nurl: /sme\nstripPrefix: true\n",
  "start_template.sh": `
exec python3 -u -c '
import http.server, socket, ssl, sys
class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = (socket.gethostname() + " " + self.path + " " + self.request.version()).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Echo)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
' "$service_port" "\${BASH_SOURCE[0]%/*}/server.pem"
`,
  "server.pem": `${key}${cert}`,
};

let hpc: ClusterBerth;
let browser: TestBrowser;
let page: Page;

beforeEach(needsCluster());

beforeAll(async () => {
  hpc = await ClusterBerth.start({
    services: { secret: SECRET_ECHO },
    resources: { hopper: "slurm", lowe: "pbs" },
    prologue: "PATH=$HOME/bin:$PATH",
  });
  browser = await TestBrowser.open({ width: 1000, height: 700 });
  // A kernel, or an editor, that starts on a busy machine takes its time.
  browser.context.setDefaultTimeout(90_000);
  page = await browser.page();
  await page.goto(hpc.berth.link);
});

afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await hpc?.[Symbol.asyncDispose]();
});

/** Lets the nodes' users have the workspace's code-server, wherever it is. False where there is none. */
async function bringCodeServer(): Promise<boolean> {
  const program = await findProgram("code-server", process.env["PATH"] ?? "").then(
    (path) => path && realpath(path),
  );
  if (program === undefined || !program.endsWith("/out/node/entry.js")) return false;
  const modules = dirname(dirname(dirname(dirname(program))));
  // The hosts have their own /tmp, in which this checkout may be: node is copied to the home that they share.
  await copyFile(process.execPath, join(hpc.cluster.layout.home, "ada/node"));
  const mount = 'mkdir -p /tmp/node_modules && mount --bind "$1" /tmp/node_modules';
  for (const node of NODES) await hpc.cluster.host(node).mustExec(["sh", "-c", mount, "sh", modules]);
  const links =
    "mkdir bin && ln -s /tmp/node_modules/code-server/out/node/entry.js bin/code-server && mv node bin/";
  return (await hpc.cluster.exec("ctl", ["sh", "-c", links], { user: "ada" })).code === 0;
}

type Place = { resource: string; placement: string; partition?: string };

/** Launches a service by the console's form, and waits until its page offers to open it. @returns its id */
async function launchByForm(service: string, { resource, placement, partition }: Place): Promise<string> {
  await page.goto(`${hpc.berth.url}/launch/${service}`);
  await page.getByLabel(resource, { exact: false }).check();
  await page.getByLabel(placement, { exact: true }).check();
  if (partition !== undefined) await page.selectOption(`#partition-${resource}`, partition);
  await page.getByRole("button", { name: "Launch", exact: true }).click();
  await page.waitForURL(/\/sessions\/s/);
  await page.getByRole("link", { name: /^Open / }).waitFor({ timeout: 90_000 });
  return new URL(page.url()).pathname.split("/").at(-1) ?? "";
}

/** Runs a line in the notebook's last cell. @returns what it prints */
async function compute(notebook: Page, line: string): Promise<string> {
  const cells = notebook.locator(".code_cell");
  const cell = cells.nth((await cells.count()) - 1);
  await cell.locator(".CodeMirror").click();
  await notebook.keyboard.type(line);
  await notebook.keyboard.press("Shift+Enter");
  return (await cell.locator(".output_stdout").innerText()).trim();
}

describe("Jupyter Notebook, launched by the form", () => {
  beforeEach(needs("jupyter-notebook", "apt-get install jupyter-notebook"));

  it.each<[string, Place, RegExp]>([
    ["on the controller node", { resource: "hopper", placement: "controller" }, /^ctl$/],
    [
      "in a partition of Slurm",
      { resource: "hopper", placement: "compute node", partition: "small" },
      /^c2$/,
    ],
    ["by qsub", { resource: "lowe", placement: "compute node" }, /^c[12]$/],
  ])("computes %s", async (_where, place, host) => {
    const id = await launchByForm("jupyter-notebook", place);
    const [tree] = await Promise.all([
      browser.context.waitForEvent("page"),
      page.getByRole("link", { name: /^Open / }).click(),
    ]);
    const { port } = await hpc.berth.session(id);
    await tree.waitForURL(new RegExp(`^http://sessions\\.localhost:\\d+/me/${port}/tree`));
    await tree.getByRole("button", { name: "New" }).click();
    const [notebook] = await Promise.all([
      browser.context.waitForEvent("page"),
      tree.getByText("Python 3 (ipykernel)").click(),
    ]);
    await notebook.waitForURL(new RegExp(`/me/${port}/notebooks/`));
    await notebook.waitForFunction(() =>
      document.querySelector("#kernel_indicator_icon")?.classList.contains("kernel_idle_icon"),
    );
    expect(await compute(notebook, "print(6*7)")).toBe("42");
    expect(await compute(notebook, "import socket; print(socket.gethostname())")).toMatch(host);
    expect(await compute(notebook, "!hostname")).toMatch(host);
    if (place.placement !== "controller")
      await eventually(async () => host.test((await hpc.berth.session(id)).node ?? ""), { what: "its node" });

    await notebook.close();
    await tree.close();
    await hpc.berth.cancel(id);
    await hpc.berth.until(id, "canceled");
    await eventually(
      async () => (await hpc.cluster.processes({ environment: `BERTH_SESSION_ID=${id}` })).length === 0,
      { what: "no process to be left" },
    );
  });
});

describe("on a compute node, over a unix socket", () => {
  it("nginx serves a folder of the cluster", async () => {
    const { code } = await hpc.cluster.exec(
      "ctl",
      ["sh", "-c", "mkdir tides && echo 'low water' >tides/today.txt"],
      {
        user: "ada",
      },
    );
    expect(code).toBe(0);
    const session = await hpc.run({ service: "nginx", inputs: { folder: "tides" } });
    expect(await hpc.ask(session, "today.txt")).toBe("low water\n");
    expect(await hpc.ask(session)).toContain('<a href="today.txt">');
    const ports = await Promise.all(NODES.map((node) => hpc.cluster.listeners(node)));
    expect(
      ports.flat().filter(({ protocol, process }) => protocol === "tcp" && process.includes("nginx")),
    ).toEqual([]);
    await hpc.berth.cancel(session.id);
    await hpc.berth.until(session.id, "canceled");
    const find = [
      "find",
      "/home/ada/.berth",
      "/tmp",
      "-path",
      `*${session.id}*`,
      "-o",
      "-name",
      "nginx*",
    ] as const;
    for (const host of HOSTS) expect((await hpc.cluster.exec(host, find)).stdout).toBe("");
  });

  it("VS Code opens a folder of the cluster, and saves what is typed", async ({ skip }) => {
    skip(!(await bringCodeServer()), "code-server of npm is not on PATH; npm test installs it");
    const { code } = await hpc.cluster.exec(
      "ctl",
      ["sh", "-c", "mkdir log && echo 'low water' >log/tide.txt"],
      {
        user: "ada",
      },
    );
    expect(code).toBe(0);
    const session = await hpc.run({ service: "vscode", inputs: { folder: "log" } });
    const editor = await browser.page();
    await editor.goto(new URL(session.url ?? "", hpc.berth.url).href);
    await editor.locator(".monaco-workbench").waitFor({ timeout: 90_000 });
    await editor.getByRole("treeitem", { name: "tide.txt" }).dblclick();
    await editor.locator(".monaco-editor .view-lines", { hasText: "low" }).click();
    await editor.keyboard.press("Control+Home");
    await editor.keyboard.type("high water, then ");
    await editor.keyboard.press("Control+s");
    await expect
      .poll(() => hpc.berth.read(join(hpc.cluster.layout.home, "ada/log/tide.txt")), { timeout: 60_000 })
      .toBe("high water, then low water\n");
    await editor.close();
  });
});

it("a service that speaks HTTPS with a certificate of its own answers at /sme", async () => {
  const session = await hpc.run({ service: "secret" });
  expect(session.url).toMatch(/^\/sme\/\d+\/$/);
  expect(await hpc.ask(session, "tide?at=noon")).toMatch(/^c[12] \/tide\?at=noon TLSv1\.[23]$/);
});

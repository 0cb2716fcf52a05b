import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Session } from "../../contract/session.ts";
import { needsCluster } from "../support/cluster.ts";
import { ClusterBerth, NODE_ECHO } from "../support/cluster-berth.ts";
import { eventually } from "../support/eventually.ts";
import type { Ended } from "./cluster.ts";
import type { HostName, UserName } from "./layout.ts";

const PASSWORD = "correct horse battery staple";

/** Greets on a unix socket, and has a password that nobody else is to know. */
const VAULT = {
  "service.yaml": "socket: true\ninputs:\n  - { name: password, type: password }\n",
  "start_template.sh": `
echo "the password has \${#service_password} characters"
exec python3 -u -c '
import socket, socketserver, sys
class Greet(socketserver.StreamRequestHandler):
    def handle(self):
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: 5\\r\\nconnection: close\\r\\n\\r\\nvault")
# As any program makes one: open to all that its umask lets in.
socketserver.ThreadingUnixStreamServer(sys.argv[1], Greet).serve_forever()
' "$service_socket"
`,
};

/** Tells which port it was given, and never listens on it. */
const LATE = {
  "start_template.sh": `printf '%s' "$service_port" >~/port.new && mv ~/port.new ~/port
exec sleep infinity
`,
};

/** Listens where it is told, as somebody else's program may, and notes whoever comes. */
const THIEF = `
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
open("listening", "w").close()
while True:
    connection, address = listener.accept()
    with open("caught", "ab") as caught:
        caught.write(b"connected " + connection.recv(4096))
`;

let hpc: ClusterBerth;
let vault: Session;
let other: Session;
/** The sessions' directories on the cluster. */
const directoryOf = ({ id }: Session): string => `/home/ada/.berth/sessions/${id}`;

beforeEach(needsCluster());

beforeAll(async () => {
  hpc = await ClusterBerth.start({ services: { echo: NODE_ECHO, vault: VAULT, late: LATE } });
  // As open as many homes are: what is Berth's own has to be shut by itself.
  await sh("ctl", "ada", "mkdir -p .berth/sessions && chmod 755 . .berth .berth/sessions");
  const scheduler = { directives: ["--nodelist=c1"] };
  vault = await hpc.run({ service: "vault", scheduler, inputs: { password: PASSWORD } });
  other = await hpc.run({ service: "echo", scheduler });
});

afterAll(async () => {
  await hpc?.[Symbol.asyncDispose]();
});

/** Runs a line of bash on a host. */
const sh = (host: HostName, user: UserName, line: string, ...parameters: string[]): Promise<Ended> =>
  hpc.cluster.exec(host, ["bash", "--norc", "-c", line, "bash", ...parameters], { user });

/** The vault's directory on its node. */
async function nodeDirectory(): Promise<string> {
  const found = await hpc.cluster.host("c1").mustExec(["find", "/tmp", "-type", "s", "-name", "socket"]);
  return found.trim().replace(/\/socket$/, "");
}

/** The port of the controller's loopback that leads to the agent's server for the vault. */
async function door(): Promise<string> {
  const file = join(hpc.cluster.layout.directory, directoryOf(vault), "forward");
  const [, port = ""] = /^via \S+ \d+ (\d+)\n$/.exec(await readFile(file, "utf8")) ?? [];
  return port;
}

type Knock = { name: string; key: string; options?: readonly string[]; command?: readonly string[] };

/** Runs ssh on the controller to the agent's server for the vault, without any of ssh's own precautions. */
async function knock(user: UserName, { name, key, options = [], command = [] }: Knock): Promise<Ended> {
  const careless = [
    "BatchMode=yes",
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
  ];
  const settings = [...careless, "IdentitiesOnly=yes", "ExitOnForwardFailure=yes"].flatMap((one) => [
    "-o",
    one,
  ]);
  const who = ["-F", "/dev/null", ...settings, "-i", key, "-l", name, "-p", await door()];
  const argv = ["timeout", "60", "ssh", ...who, ...options, "127.0.0.1", ...command] as const;
  return await hpc.cluster.exec("ctl", argv, { user, input: "id\n" });
}

describe("a second user of the node", () => {
  const GREET = 'curl --silent --max-time 30 --unix-socket "$1" http://vault/';

  it("cannot reach a service on a unix socket", async () => {
    const socket = `${await nodeDirectory()}/socket`;
    expect((await sh("c1", "ada", GREET, socket)).stdout).toBe("vault");
    expect(await sh("c1", "eve", GREET, socket)).toMatchObject({ code: 7, stdout: "" });
    expect(
      (await hpc.cluster.host("c1").mustExec(["stat", "-c", "%a", await nodeDirectory(), socket])).split(
        "\n",
      ),
    ).toEqual(["700", "600", ""]);
  });

  it("cannot reach one on the controller either", async () => {
    const own = await hpc.run({ service: "vault", placement: "controller", inputs: { password: PASSWORD } });
    const find = ["find", "/tmp", "-type", "s", "-path", "*/berth.*/socket"] as const;
    const socket = (await hpc.cluster.host("ctl").mustExec(find)).trim();
    expect(await hpc.ask(own)).toBe("vault");
    expect((await sh("ctl", "ada", GREET, socket)).stdout).toBe("vault");
    expect(await sh("ctl", "eve", GREET, socket)).toMatchObject({ code: 7, stdout: "" });
    await hpc.berth.cancel(own.id);
    await hpc.berth.until(own.id, "canceled");
    expect(await hpc.cluster.host("ctl").mustExec(["find", "/tmp", "-name", "berth.*"])).toBe("");
  });

  it.each<HostName>(["c1", "ctl"])("reads nothing of a session on %s", async (host) => {
    const find = 'find "$1" -mindepth 1';
    const places = [
      directoryOf(vault),
      directoryOf(other),
      ...(host === "c1" ? [await nodeDirectory()] : []),
    ];
    for (const place of places) {
      expect((await sh(host, "ada", find, place)).stdout).toContain(place);
      expect(await sh(host, "eve", find, place)).toMatchObject({ code: 1, stdout: "" });
    }
    for (const file of ["key", "session.sh", "log", "forward", "known_hosts", "exit"])
      expect(await sh(host, "eve", 'cat "$1"', `${directoryOf(vault)}/${file}`)).toMatchObject({
        code: 1,
        stdout: "",
      });
  });

  it("learns nothing from the processes of a session, and neither do its arguments or environment tell", async () => {
    const own = await hpc.cluster.processes({ user: "ada" });
    const marked = own.filter(({ environment }) => environment.includes(`BERTH_SESSION_ID=${vault.id}`));
    expect(marked.length).toBeGreaterThan(1);
    for (const { pid } of marked)
      expect(await sh("c1", "eve", "cat /proc/$1/environ /proc/$1/cwd/key", String(pid))).toMatchObject({
        code: 1,
        stdout: "",
      });
    const key = await readFile(join(hpc.cluster.layout.directory, directoryOf(vault), "key"), "utf8");
    const [, secret = ""] = key.split("\n");
    expect(secret).toMatch(/^[A-Za-z0-9+/]{40}/);
    const told = JSON.stringify(own.map(({ argv, environment }) => [argv, environment]));
    expect(told).not.toContain(PASSWORD);
    expect(told).not.toContain(secret);
    expect(await hpc.ask(vault)).toBe("vault");
  });

  it("who listens on a session's port first is found out, and sees no request", async () => {
    const { id } = await hpc.launch({ service: "late", scheduler: { directives: ["--nodelist=c1"] } });
    const home = hpc.cluster.layout.home;
    const port = await eventually(() => readFile(join(home, "ada/port"), "utf8"), {
      what: "the session's port",
    });
    const stop = new AbortController();
    const thief = hpc.cluster
      .exec("c1", ["python3", "-c", THIEF, port], { user: "eve", signal: stop.signal })
      .catch(() => undefined);
    try {
      await eventually(() => readFile(join(home, "eve/listening")).then(() => true), {
        what: "the thief to listen",
      });
      const { error } = await hpc.berth.until(id, "failed");
      expect(error).toContain(
        `Cannot use port ${port} of the node: another user (uid ${hpc.cluster.layout.uid("eve")})`,
      );
      await hpc.berth.fetch((await hpc.berth.session(id)).url ?? "");
      await expect(readFile(join(home, "eve/caught"), "utf8")).rejects.toThrow("ENOENT");
    } finally {
      stop.abort();
      await thief;
    }
  });
});

describe("on the controller, at the port that leads to the agent", () => {
  it("a second user is refused, whatever key she has", async () => {
    expect(
      (await sh("ctl", "eve", 'timeout 30 head -c 13 <"/dev/tcp/127.0.0.1/$1"', await door())).stdout,
    ).toBe("SSH-2.0-Berth");
    for (const name of [vault.id, "ada", "root"])
      expect(
        await knock("eve", { name, key: "/home/eve/.ssh/id_ed25519", command: ["reports"] }),
      ).toMatchObject({
        code: 255,
        stdout: "",
        stderr: expect.stringContaining("Permission denied (publickey)"),
      });
    expect(await hpc.ask(vault)).toBe("vault");
  });

  it("another session's key is refused", async () => {
    for (const name of [vault.id, other.id])
      expect(
        await knock("ada", { name, key: `${directoryOf(other)}/key`, command: ["reports"] }),
      ).toMatchObject({
        code: 255,
        stdout: "",
        stderr: expect.stringContaining("Permission denied (publickey)"),
      });
  });

  it("the session's own key gets one port and its reports", async () => {
    const { stdout, stderr } = await knock("ada", {
      name: vault.id,
      key: `${directoryOf(vault)}/key`,
      options: ["-R", "0:127.0.0.1:1"],
      command: ["reports"],
    });
    expect({ stdout, stderr }).toEqual({ stdout: expect.stringMatching(/^\d+\n/), stderr: "" });
  });

  it.each<[string, Pick<Knock, "options" | "command">, RegExp]>([
    ["a shell", { options: ["-T"] }, /shell request failed/],
    ["a terminal", { options: ["-tt"], command: ["reports"] }, /PTY allocation request failed/],
    ["a command", { command: ["id"] }, /exec request failed/],
    ["a subsystem", { options: ["-s"], command: ["sftp"] }, /subsystem request failed/],
    [
      "two ports",
      { options: ["-R", "0:127.0.0.1:1", "-R", "0:127.0.0.1:2"] },
      /remote port forwarding failed/,
    ],
    ["a port of its choice", { options: ["-R", "2222:127.0.0.1:1"] }, /remote port forwarding failed/],
    ["a unix socket", { options: ["-R", "/tmp/stolen:127.0.0.1:1"] }, /remote port forwarding failed/],
    ["a way to elsewhere", { options: ["-W", "127.0.0.1:22"] }, /stdio forwarding failed/],
  ])("the session's own key does not get %s", async (_what, asked, words) => {
    const { code, stdout, stderr } = await knock("ada", {
      name: vault.id,
      key: `${directoryOf(vault)}/key`,
      ...asked,
    });
    expect({ code, stdout, stderr }).toEqual({ code: 255, stdout: "", stderr: expect.stringMatching(words) });
  });

  it("and the session goes on", async () => {
    await eventually(async () => (await hpc.ask(vault)) === "vault", {
      timeoutMs: 60_000,
      what: "the vault",
    });
    expect(await hpc.ask(other)).toMatch(/^c1 /);
    expect((await hpc.berth.session(vault.id)).state).toBe("running");
  });
});

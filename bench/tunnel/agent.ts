import { SshConnection } from "../../agent/ssh/connection.ts";
import { makeTunnelKeys } from "../../agent/ssh/tunnel-keys.ts";
import { TunnelServer } from "../../agent/ssh/tunnel-server.ts";
import { WorkspacePort } from "../../agent/ssh/workspace-port.ts";
import { SessionId } from "../../contract/ids.ts";

/*
 * The agent's end of a tunnel and nothing else, in a process of its own:
 *
 *     agent.ts <session id> <host> <ssh_config> <known_hosts>
 *
 * Prints a line of JSON, {keys, forward, port}: the node's keys, the port on the controller, the workspace port; and
 * "up" once the tunnel is.
 */

const [id, host = "", configFile = "", knownHosts = ""] = process.argv.slice(2);
const session = SessionId.parse(id);
const keys = makeTunnelKeys(session);
const connection = new SshConnection({
  destination: { host, configFile },
  knownHosts,
  log: { info: () => {}, warn: (context, message) => console.error(message, context) },
  random: Math.random,
});
const held: { server?: TunnelServer } = {};
const workspace = await WorkspacePort.listen({
  refused: new Set(),
  connect: async () => {
    if (held.server === undefined) throw new Error("not yet");
    return await held.server.connect();
  },
});
const server = new TunnelServer({
  session,
  keys,
  port: workspace.port,
  reportsRead: 0,
  onReport: async () => {},
  onChange: (isUp) => console.log(isUp ? "up" : "down"),
  log: (line) => console.error(line),
});
held.server = server;
// As the agent does all the time; sshd sets no-delay on its side once a command is asked for.
await connection.run(["true"]);
const forward = await connection.forward((socket) => server.accept(socket));
console.log(JSON.stringify({ keys, forward: forward.port, port: workspace.port }));

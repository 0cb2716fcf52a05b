import { mustRun } from "./command.ts";
import type { Host } from "./host.ts";
import { type HostName, type Layout, NODES } from "./layout.ts";

/** Links the workspace with the controller, and the controller with the nodes. Nothing leads through the controller. */
export async function connect(layout: Layout, hosts: Readonly<Record<HostName, Host>>): Promise<void> {
  const { link, uplink, network } = layout;
  const { ctl } = hosts;
  // The kernel refuses a name that is taken, so two clusters that chose one slot do not share it.
  await mustRun([
    "ip",
    "link",
    "add",
    link,
    "type",
    "veth",
    "peer",
    "name",
    ctl.device,
    "netns",
    String(ctl.pid),
  ]);
  await ctl.ip(
    `address add ${uplink.controller}/30 dev ${ctl.device}`,
    `link set ${ctl.device} up`,
    "link add bridge type bridge",
    `address add ${layout.address("ctl")}/25 dev bridge`,
    "link set bridge up",
    ...NODES.flatMap((node) => [
      `link add ${node} type veth peer name ${hosts[node].device} netns ${hosts[node].pid}`,
      `link set ${node} master bridge up`,
    ]),
  );
  // The workspace takes no connection from outside: the first segment of one never leaves the controller.
  await ctl.nft(
    "add table inet workspace",
    "add chain inet workspace output { type filter hook output priority filter; }",
    `add rule inet workspace output oifname "${ctl.device}" tcp flags & (syn | ack) == syn drop`,
  );
  await Promise.all(
    NODES.map((node) =>
      hosts[node].ip(`address add ${layout.address(node)}/25 dev eth0`, "link set eth0 up"),
    ),
  );
  await mustRun(["ip", "-batch", "-"], {
    // The route keeps what is meant for a node from leaving the machine; the controller does not pass it on.
    input: [
      `address add ${uplink.workspace}/30 dev ${link}`,
      `link set ${link} up`,
      `route add ${network} via ${uplink.controller}`,
      "",
    ].join("\n"),
  });
}

/** Lets the nodes reach the workspace, as they do on sites whose network is one. */
export async function openWorkspace(layout: Layout, hosts: Readonly<Record<HostName, Host>>): Promise<void> {
  const { ctl } = hosts;
  await ctl.nft("delete table inet workspace");
  await ctl.mustExec(["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"]);
  await Promise.all(NODES.map((node) => hosts[node].ip(`route add default via ${layout.address("ctl")}`)));
}

/** Drops all packets in both directions on a host's device. The device stays up, and nobody is told. */
export async function cut(host: Host): Promise<void> {
  const chain = (hook: string): string =>
    `add chain netdev cut ${hook} { type filter hook ${hook} device "${host.device}" priority 0; policy drop; }`;
  await host.nft("add table netdev cut", chain("ingress"), chain("egress"));
}

/** Undoes `cut`; a link that is not cut stays as it is. */
export async function restore(host: Host): Promise<void> {
  await host.nft("add table netdev cut", "delete table netdev cut");
}

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import type { Duplex } from "node:stream";
import { error, type Finding, ok, warning } from "../../finding.ts";
import { BASH, type Patient, type ResourceCheck, runOn, saidBy, troubleFinding } from "./check.ts";

/** Says the token to a port, and prints what comes back. `$1` the token, `$2` the port, then the addresses to try. */
const DIAL = `token=$1 port=$2
shift 2
for address; do
  if answer=$(timeout 10 bash --norc -c 'exec 3<>"/dev/tcp/$1/$2" && printf "%s\\n" "$3" >&3 && head -n 1 <&3' bash "$address" "$port" "$token" 2>&1)
  then printf '%s\\n' "$answer"; exit 0; fi
done
printf '%s\\n' "$answer" >&2
exit 1`;

/** What a connection says to be known as ours, and what it is answered: nobody else on the host can tell either. */
type Tokens = { call: string; answer: string };

const makeTokens = (): Tokens => ({
  call: randomBytes(16).toString("hex"),
  answer: randomBytes(16).toString("hex"),
});

const answerTo =
  ({ call, answer }: Tokens) =>
  (socket: Duplex): void => {
    socket.on("error", () => undefined);
    socket.once("data", (chunk: Buffer) => {
      if (chunk.toString("utf8").trim() === call) socket.end(`${answer}\n`);
      else socket.destroy();
    });
  };

/** @returns what is wrong; undefined when the answer came */
async function dialBack(
  patient: Patient,
  { call, answer }: Tokens,
  port: number,
  hosts: string[],
): Promise<string | undefined> {
  const result = await runOn(patient, [...BASH, DIAL, "bash", call, String(port), ...hosts]);
  return result.stdout.toString("utf8").trim() === answer ? undefined : saidBy(result);
}

async function throughController(patient: Patient): Promise<Finding[]> {
  const tokens = makeTokens();
  try {
    await using forward = await patient.connection.forward(answerTo(tokens));
    const fault = await dialBack(patient, tokens, forward.port, ["127.0.0.1"]);
    if (fault === undefined)
      return [ok("the tunnel through the controller works: a connection came back by it")];
    return [
      error(
        `a connection to the tunnel's port on the controller does not come back: ${fault}`,
        "Ask the administrators whether something blocks the controller's loopback.",
      ),
    ];
  } catch (cause) {
    patient.signal.throwIfAborted();
    return [troubleFinding(cause, patient)];
  }
}

/** From the controller, which stands near the nodes: whether they get through is known once one has tried. */
async function direct(patient: Patient, addresses: string[]): Promise<Finding[]> {
  const tokens = makeTokens();
  const server = createServer(answerTo(tokens)).listen(0);
  try {
    await once(server, "listening");
    const fault = await dialBack(patient, tokens, (server.address() as AddressInfo).port, addresses);
    if (fault === undefined)
      return [ok(`the controller reaches this workspace at ${addresses.join(" or ")}`)];
    return [
      warning(
        `the controller does not reach this workspace at ${addresses.join(" or ")}: ${fault}`,
        "See whether a firewall lets the nodes connect to it, or have the tunnel go through the controller.",
      ),
    ];
  } finally {
    server.close();
  }
}

export const tunnel: ResourceCheck = {
  what: "trying the tunnel",
  examine: (patient) => {
    const { tunnel: way } = patient.definition;
    return way.via === "direct" ? direct(patient, way.addresses) : throughController(patient);
  },
};

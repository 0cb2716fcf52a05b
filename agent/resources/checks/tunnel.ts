import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import type { Duplex } from "node:stream";
import { error, type Finding, ok, warning } from "../../finding.ts";
import { BASH, type Patient, type ResourceCheck, runOn, saidBy, troubleFinding } from "./check.ts";

/** Says the token `$1` to the port `$2` of the host `$3`, and prints what comes back. */
const DIAL = `export token=$1 port=$2 host=$3
exec timeout 10 bash --norc -c 'exec 3<>"/dev/tcp/$host/$port" && printf "%s\\n" "$token" >&3 && head -n 1 <&3'`;

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
  host: string,
): Promise<string | undefined> {
  const result = await runOn(patient, [...BASH, DIAL, "bash", call, String(port), host]);
  return result.stdout.toString("utf8").trim() === answer ? undefined : saidBy(result);
}

async function throughController(patient: Patient): Promise<Finding[]> {
  const tokens = makeTokens();
  try {
    await using forward = await patient.connection.forward(answerTo(tokens));
    const fault = await dialBack(patient, tokens, forward.port, "127.0.0.1");
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
async function direct(patient: Patient, address: string): Promise<Finding[]> {
  const tokens = makeTokens();
  const answer = answerTo(tokens);
  // Whoever connects and says nothing shall not keep the command waiting.
  const server = createServer((socket) => answer(socket.unref())).listen(0);
  try {
    await once(server, "listening");
    const fault = await dialBack(patient, tokens, (server.address() as AddressInfo).port, address);
    if (fault === undefined) return [ok(`the controller reaches this workspace at ${address}`)];
    return [
      warning(
        `the controller does not reach this workspace at ${address}: ${fault}`,
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
    return way.via === "direct" ? direct(patient, way.address) : throughController(patient);
  },
};

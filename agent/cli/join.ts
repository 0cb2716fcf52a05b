import { Command } from "commander";
import { AgentKey } from "../agent-key.ts";
import { makeHome, readConfig } from "../config.ts";
import { parseEdge, writeEdgeFile } from "../edge-file.ts";
import { Enrolment } from "../enrolment.ts";
import { readJoined, writeJoined } from "../joined.ts";
import { plain } from "./output.ts";
import { interruptible } from "./resource/visit.ts";

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** Shows how long is left, on a line that it rewrites; a log gets no such line. */
function countDown(deadline: number): Disposable {
  if (!process.stdout.isTTY) return { [Symbol.dispose]: () => undefined };
  const show = (): void => {
    const left = Math.max(0, Math.ceil((deadline - performance.now()) / 1000));
    const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    process.stdout.write(`\r  Waiting for your approval: ${clock} left; Ctrl-C gives up \u001b[K`);
  };
  show();
  const timer = setInterval(show, 1000);
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      process.stdout.write("\r\u001b[K");
    },
  };
}

async function join(edge: URL, home: string, signal: AbortSignal): Promise<void> {
  await makeHome(home);
  const key = await AgentKey.open(home);
  const before = await readJoined(home);
  if (before !== undefined && before.edge.origin !== edge.origin)
    say(`This machine leaves ${before.edge.origin} as soon as it has joined ${edge.origin}.`);
  const enrolment = await Enrolment.start(edge, key, signal);
  const { userCode, verificationUrl, verificationUrlComplete } = enrolment.started;
  say(`
  Open    ${plain(verificationUrlComplete)}
  or go to ${plain(verificationUrl)} and type the code  ${userCode}

  This machine's key:  ${key.fingerprint}
  The page shows the same one. Approve nothing that shows another.
`);
  using _clock = countDown(enrolment.deadline);
  const joined = await enrolment.approved(signal);
  await writeJoined(home, joined);
  await writeEdgeFile(home, edge);
  _clock[Symbol.dispose]();
  say(`Joined ${edge.origin} as a workspace of ${plain(joined.name)}.
Start its agent: berth up, berth up --detach, or berth service install.`);
}

const NOTES = `
It prints a code and a link, and waits ten minutes for you to approve it in your
browser. Then start the agent: berth up, or berth up --detach.

Example:
  berth join https://berth.example.org`;

export const joinCommand = (): Command =>
  new Command("join")
    .description("make this machine a workspace of yours at an edge")
    .argument("<edge>", "its console's address")
    .addHelpText("after", NOTES)
    .action(async (address: string) => {
      const edge = parseEdge(address);
      const { home } = readConfig(process.env);
      await interruptible((signal) => join(edge, home, signal));
    });

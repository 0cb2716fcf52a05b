import { Command } from "commander";
import { AgentKey } from "../agent-key.ts";
import { makeHome, readConfig } from "../config.ts";
import { parseEdge, writeEdgeFile } from "../edge-file.ts";
import { type Approval, Enrolment } from "../enrolment.ts";
import { readJoined, writeJoined } from "../joined.ts";
import { checkApprover, mustKnowApprover } from "./approver.ts";
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

type Options = { user?: string };

async function join(edge: URL, home: string, options: Options, signal: AbortSignal): Promise<void> {
  mustKnowApprover(options.user);
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
  const approval = await approved(enrolment, signal);
  await checkApprover(approval, options.user, signal);
  await writeJoined(home, approval);
  await writeEdgeFile(home, edge);
  say(`Joined ${edge.origin} as a workspace of ${plain(approval.name)}.
Start its agent: berth up, berth up --detach, or berth service install.`);
}

async function approved(enrolment: Enrolment, signal: AbortSignal): Promise<Approval> {
  using _clock = countDown(enrolment.deadline);
  return await enrolment.approved(signal);
}

const NOTES = `
It prints a code and a link, and waits ten minutes for you to approve it in your
browser. Then it says who has approved, and asks whether that is you: whoever
has read your code may have been faster. A no revokes what the machine was
given. Then start the agent: berth up, or berth up --detach.

A script, which nobody can ask, says beforehand whose the machine is to be:
their email, or what the console's account page shows in its place, or the user
that berth whoami shows. When somebody else approves, join fails.

Examples:
  berth join https://berth.example.org
  berth join https://berth.example.org --user ana@example.org`;

export const joinCommand = (): Command =>
  new Command("join")
    .description("make this machine a workspace of yours at an edge")
    .argument("<edge>", "its console's address")
    .option("--user <account>", "who is to approve: nobody else may, and nobody is asked")
    .addHelpText("after", NOTES)
    .action(async (address: string, options: Options) => {
      const edge = parseEdge(address);
      const { home } = readConfig(process.env);
      await interruptible((signal) => join(edge, home, options, signal));
    });

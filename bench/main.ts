import { Command, InvalidArgumentError } from "commander";
import { Berth } from "./berth.ts";
import { compare } from "./before/compare.ts";
import { describeMachine } from "./machine.ts";
import type { Bench, Measure, Stage } from "./measure.ts";
import { echoMeasure } from "./measures/echo.ts";
import { editMeasure } from "./measures/edit.ts";
import { memoryMeasure } from "./measures/memory.ts";
import { notebookMeasure } from "./measures/notebook.ts";
import { requestsMeasure } from "./measures/requests.ts";
import { runningMeasure } from "./measures/running.ts";
import { transferMeasures, tunnelTransferMeasures } from "./measures/transfer.ts";
import { webshellMeasure } from "./measures/webshell.ts";
import { Peer } from "./peer.ts";
import { jsonReport, markdownReport, textReport } from "./report.ts";
import { judge } from "./row.ts";
import type { FailedRow, Row } from "./row.ts";
import { crowd } from "./scale/crowd.ts";
import type { Target } from "./target.ts";
import { cancelMeasure } from "./tunnel/cancel.ts";
import { crowdMeasure } from "./tunnel/crowd.ts";
import { COMPUTE, TunnelStage } from "./tunnel/stage.ts";

/** In the order they are taken; memory first, since it wants a Berth that has carried nothing yet. */
const MEASURES: readonly Measure[] = [
  memoryMeasure,
  requestsMeasure({ rate: 0.35, p99: 3 }),
  ...transferMeasures,
  echoMeasure(1.7),
  runningMeasure(300),
  editMeasure,
  webshellMeasure,
  notebookMeasure,
];

type Options = { rounds: number; json: boolean; markdown: boolean; only?: string };

/** The crowd first, for the same reason. */
const TUNNEL_MEASURES: readonly Measure<TunnelStage>[] = [
  crowdMeasure,
  requestsMeasure({ rate: 0.8, p99: 0.5 }),
  ...tunnelTransferMeasures,
  echoMeasure(1.5),
  runningMeasure(1000, COMPUTE),
  cancelMeasure,
];

const INTERRUPTED = { SIGINT: 130, SIGTERM: 143 };

function chosen<On extends Stage>(
  measures: readonly Measure<On>[],
  only: string | undefined,
): readonly Measure<On>[] {
  if (only === undefined) return measures;
  const names = only.split(",");
  const unknown = names.find((name) => measures.every((measure) => measure.name !== name));
  if (unknown !== undefined) program.error(`error: there is no measure "${unknown}"; see --help`);
  return measures.filter(({ name }) => names.includes(name));
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1)
    throw new InvalidArgumentError("It must be a whole number from 1.");
  return number;
}

const tell = (text: string): void => void process.stderr.write(`${text}\n`);

async function take<On extends Stage>(measure: Measure<On>, bench: On): Promise<(Row | FailedRow)[]> {
  tell(`${measure.name} …`);
  try {
    return await measure.run(bench);
  } catch (error) {
    bench.signal.throwIfAborted();
    tell(String(error));
    return [{ measure: measure.about, failed: error instanceof Error ? error.message : String(error) }];
  }
}

async function run(
  measures: readonly Measure[],
  rounds: number,
  signal: AbortSignal,
): Promise<(Row | FailedRow)[]> {
  await using stack = new AsyncDisposableStack();
  tell("starting Berth, the service and configurable-http-proxy …");
  const berth = stack.use(await Berth.start(signal));
  const launched = await berth.api.launch("bench");
  const session = await berth.api.running(launched.id);
  const port = session.port ?? Number.NaN;
  const through = berth.target(port);
  const peer = stack.use(await Peer.start(through.prefix, port, signal));
  const direct: Target = { name: "direct", host: "127.0.0.1", port, prefix: "", headers: {} };
  const bench: Bench = { berth, session, targets: [through, peer.target, direct], rounds, signal };
  const rows: (Row | FailedRow)[] = [];
  for (const measure of measures) rows.push(...(await take(measure, bench)));
  return rows;
}

async function runTunnel(
  measures: readonly Measure<TunnelStage>[],
  rounds: number,
  signal: AbortSignal,
): Promise<(Row | FailedRow)[]> {
  tell("starting a cluster, Berth, the service on a compute node, and OpenSSH's tunnel to it …");
  await using stage = await TunnelStage.start({ rounds, signal });
  const rows: (Row | FailedRow)[] = [];
  for (const measure of measures) rows.push(...(await take(measure, stage)));
  return rows;
}

const passes = (row: Row | FailedRow): boolean => !("failed" in row) && (judge(row)?.pass ?? true);

const interrupt = new AbortController();
for (const [signal, code] of Object.entries(INTERRUPTED)) {
  // More than once: under npm a Ctrl-C comes from the terminal and again from the parent.
  process.on(signal, () => {
    process.exitCode = code;
    interrupt.abort(new Error(`ended by ${signal}`));
  });
}

async function report(
  { json, markdown }: Options,
  rowsOf: (signal: AbortSignal) => Promise<(Row | FailedRow)[]>,
): Promise<void> {
  const machine = describeMachine();
  try {
    const rows = await rowsOf(interrupt.signal);
    const format = json ? jsonReport : markdown ? markdownReport : textReport;
    process.stdout.write(`${format(machine, rows)}\n`);
    process.exitCode = rows.every(passes) ? 0 : 1;
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    tell(String(interrupt.signal.reason));
  }
}

const withReport = (command: Command): Command =>
  command
    .option("--only <measures>", "some measures, by name, with commas between")
    .option("--rounds <n>", "rounds that count, beside the one that warms up", wholeNumber, 5)
    .option("--json", "print every sample as JSON", false)
    .option("--markdown", "print the table as Markdown", false);

const listOf = (measures: readonly Pick<Measure, "name" | "about">[]): string =>
  `\nMeasures:\n${measures.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join("\n")}\n
The exit code is 1 when a target is missed.`;

const program = withReport(new Command("bench"))
  .description("The same work through Berth, through configurable-http-proxy, and straight to the service.")
  .enablePositionalOptions()
  .addHelpText("after", listOf(MEASURES))
  .action((options: Options) => {
    const measures = chosen(MEASURES, options.only);
    return report(options, (signal) => run(measures, options.rounds, signal));
  });

withReport(program.command("tunnel"))
  .description("The same work through Berth to a compute node, and through OpenSSH's tunnel. Needs root.")
  .addHelpText("after", listOf(TUNNEL_MEASURES))
  .action((options: Options) => {
    const measures = chosen(TUNNEL_MEASURES, options.only);
    return report(options, (signal) => runTunnel(measures, options.rounds, signal));
  });

program
  .command("scale")
  .description(
    "Many workspaces with an idle agent each on one local edge: links, memory, launches by webhook.",
  )
  .option("--workspaces <n>", "how many", wholeNumber, 2000)
  .option("--json", "print every sample as JSON", false)
  .option("--markdown", "print the table as Markdown", false)
  .action((options: Options & { workspaces: number }) =>
    report(options, (signal) => crowd(options.workspaces, { signal, tell })),
  );

withReport(program.command("before"))
  .description(
    "The small GET through this tree, and through the one of an earlier commit (the column “peer”).",
  )
  .argument("<commit>", "any name that git knows")
  .action((commit: string, options: Options) =>
    report(options, (signal) => compare(commit, { rounds: options.rounds, signal })),
  );

await program.parseAsync();

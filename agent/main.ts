import { Command } from "commander";
import { BerthError, type ProblemCode } from "../contract/problem.ts";
import { cancelCommand } from "./cli/cancel.ts";
import { doctorCommand } from "./cli/doctor.ts";
import { downCommand } from "./cli/down.ts";
import { joinCommand } from "./cli/join.ts";
import { launchCommand } from "./cli/launch.ts";
import { listCommand } from "./cli/list.ts";
import { loginCommand } from "./cli/login.ts";
import { logoutCommand } from "./cli/logout.ts";
import { logsCommand } from "./cli/logs.ts";
import { openCommand } from "./cli/open.ts";
import { leaveCommand } from "./cli/leave.ts";
import { plainLines } from "./cli/output.ts";
import { resourceCommand } from "./cli/resource/command.ts";
import { serviceCommand } from "./cli/service.ts";
import { servicesCommand } from "./cli/services.ts";
import { statusCommand } from "./cli/status.ts";
import { upCommand } from "./cli/up.ts";
import { whoamiCommand } from "./cli/whoami.ts";
import { EXIT_REFUSED } from "./exit-code.ts";
import { VERSION } from "./version.ts";

const program = new Command("berth")
  .description("Interactive applications on HPC clusters, in the browser")
  .version(VERSION)
  .showHelpAfterError("(see berth --help)");

const commands = [
  upCommand,
  downCommand,
  joinCommand,
  leaveCommand,
  serviceCommand,
  servicesCommand,
  launchCommand,
  listCommand,
  statusCommand,
  logsCommand,
  cancelCommand,
  openCommand,
  resourceCommand,
  doctorCommand,
  loginCommand,
  logoutCommand,
  whoamiCommand,
];
for (const command of commands) program.addCommand(command());

/** By these the edge has said that it will not have this agent, however often it is started. */
const REFUSALS: ReadonlySet<ProblemCode> = new Set(["agent_refused", "agent_revoked", "protocol_mismatch"]);

// Whoever reads has seen enough: `berth list | head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof BerthError) && !(error instanceof RangeError)) throw error;
  const remedy = error instanceof BerthError ? `\n       ${error.problem.remedy}` : "";
  process.stderr.write(`${plainLines(`berth: ${error.message}${remedy}`)}\n`);
  process.exitCode = error instanceof BerthError && REFUSALS.has(error.code) ? EXIT_REFUSED : 1;
}

import { Command } from "commander";
import { cancelCommand } from "./cli/cancel.ts";
import { doctorCommand } from "./cli/doctor.ts";
import { downCommand } from "./cli/down.ts";
import { hanging } from "./cli/hanging.ts";
import { joinCommand } from "./cli/join.ts";
import { launchCommand } from "./cli/launch.ts";
import { leaveCommand } from "./cli/leave.ts";
import { listCommand } from "./cli/list.ts";
import { loginCommand } from "./cli/login.ts";
import { logoutCommand } from "./cli/logout.ts";
import { logsCommand } from "./cli/logs.ts";
import { openCommand } from "./cli/open.ts";
import { resourceCommand } from "./cli/resource/command.ts";
import { serviceCommand } from "./cli/service.ts";
import { servicesCommand } from "./cli/services.ts";
import { statusCommand } from "./cli/status.ts";
import { upCommand } from "./cli/up.ts";
import { whoamiCommand } from "./cli/whoami.ts";
import { VERSION } from "./version.ts";

const COMMANDS = [
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

/** Whoever has mistyped a command is shown the way to its own help. */
function pointToHelp(command: Command, name: string): void {
  command.showHelpAfterError(`(see ${name} --help)`);
  command.configureOutput({
    outputError: (text, write) => write(hanging("", text, command.configureOutput().getErrHelpWidth?.())),
  });
  for (const each of command.commands) pointToHelp(each, `${name} ${each.name()}`);
}

/** The `berth` command with all that it can do. */
export function berthProgram(): Command {
  const program = new Command("berth")
    .description("Interactive applications on HPC clusters, in the browser")
    .version(VERSION);
  for (const command of COMMANDS) program.addCommand(command());
  pointToHelp(program, "berth");
  return program;
}

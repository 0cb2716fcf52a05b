import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { Command } from "commander";
import { BerthError } from "../../contract/problem.ts";
import { makeHome, readConfig } from "../config.ts";
import { PROGRAM } from "../detached.ts";
import { readJoined } from "../joined.ts";
import { livePid } from "../pid-file.ts";
import { userPath } from "../sessions/environment.ts";
import { UNIT, UserSystemd } from "../systemd.ts";
import { systemdUnit } from "../systemd-unit.ts";

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** Where a user's own units are (systemd.unit(5), "User Unit Search Path"). */
const unitPath = (environment: NodeJS.ProcessEnv): string =>
  join(environment["XDG_CONFIG_HOME"] || join(homedir(), ".config"), "systemd/user", UNIT);

/** @throws BerthError `already_running` when an agent runs that systemd did not start */
async function checkUnclaimed(home: string, systemd: UserSystemd): Promise<void> {
  const pid = await livePid(home, "agent");
  if (pid === undefined) return;
  const main = (await systemd.show("MainPID")).get("MainPID");
  if (main === String(pid)) return;
  const message = `Cannot hand the agent to systemd: it runs as process ${pid}. Stop it first: berth down, or Ctrl-C where it runs`;
  throw new BerthError("already_running", message);
}

async function install(): Promise<void> {
  const config = readConfig(process.env);
  const joined = await readJoined(config.home);
  if (joined === undefined)
    throw new BerthError(
      "not_joined",
      "Cannot install the service: this machine is no workspace of any edge",
    );
  const { edge } = joined;
  const systemd = await UserSystemd.connect();
  await makeHome(config.home);
  await checkUnclaimed(config.home, systemd);
  const path = unitPath(process.env);
  const unit = systemdUnit({
    node: process.execPath,
    program: PROGRAM,
    home: config.home,
    path: userPath(process.env),
    description: `Berth: this machine as a workspace of ${edge.host}`,
  });
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, unit);
  await systemd.control("daemon-reload");
  await systemd.control("enable", UNIT);
  // Started or started anew: what was installed before may be another version.
  await systemd.control("restart", UNIT);
  say(`The agent runs as the service ${UNIT}, for ${edge.origin}.
  unit  ${path}
  log   journalctl --user --unit ${UNIT}`);
  if ((await systemd.lingers()) !== true)
    say(
      `It runs while you are logged in to this machine. To run it always: loginctl enable-linger ${userInfo().username}`,
    );
}

async function uninstall(): Promise<void> {
  const systemd = await UserSystemd.connect();
  const path = unitPath(process.env);
  const isThere = await readFile(path).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    say("No service is installed.");
    return;
  }
  await systemd.control("disable", "--now", UNIT);
  await rm(path);
  await systemd.control("daemon-reload");
  say("The service is removed, and its agent stopped; sessions go on.");
}

async function status(): Promise<void> {
  const systemd = await UserSystemd.connect();
  const unit = await systemd.show("LoadState", "ActiveState", "SubState", "MainPID", "UnitFileState");
  if (unit.get("LoadState") === "not-found") {
    say("No service is installed: berth service install");
    process.exitCode = 1;
    return;
  }
  const isActive = unit.get("ActiveState") === "active";
  const pid = isActive ? `, process ${unit.get("MainPID")}` : "";
  say(`${UNIT} is ${unit.get("ActiveState")} (${unit.get("SubState")}${pid}), ${unit.get("UnitFileState")}.`);
  if (!isActive) {
    say(`Why: journalctl --user --unit ${UNIT}`);
    process.exitCode = 1;
  }
}

export function serviceCommand(): Command {
  const command = new Command("service").description(
    "run the agent by this user's systemd, also after a restart of the machine",
  );
  command.command("install").description("write the unit, enable and start it").action(install);
  command.command("uninstall").description("stop it, and remove the unit").action(uninstall);
  command.command("status").description("say whether it runs").action(status);
  return command;
}

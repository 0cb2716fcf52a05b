// Every npm script begins here, on whatever Node the machine has: `node local/bootstrap.mjs <entry.ts> [arguments]` installs
// what package-lock.json names if it is not there, then runs the entry on the Node that is among it. The syntax is one that
// Node 12 parses (Ubuntu 22.04 has it), so that an old Node gets a sentence to read rather than a SyntaxError.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const MINIMUM_NODE = 20;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, "node_modules", ".bin");
const node = join(bin, "node");
const machinePath = (process.env.PATH || "").split(delimiter).filter((directory) => directory !== bin);

function stop(message) {
  process.stderr.write(`berth: ${message}\n`);
  process.exit(1);
}

function lockedPackages(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** Whether node_modules holds what package-lock.json names. npm writes its own list there when an install is complete. */
function isInstalled() {
  const wanted = lockedPackages("package-lock.json");
  const present = lockedPackages("node_modules/.package-lock.json");
  if (!wanted || !present || !existsSync(node)) return false;
  return Object.keys(wanted).every((path) => {
    // The root itself is not in npm's list, and neither is an optional package for another platform.
    if (path === "" || !present[path]) return path === "" || wanted[path].optional === true;
    return present[path].integrity === wanted[path].integrity;
  });
}

function install() {
  process.stderr.write("berth: installing packages with npm ci; the first time takes about a minute …\n");
  const started = Date.now();
  // npm and the install scripts run on the machine's Node: the one in node_modules is deleted under them.
  const env = Object.assign({}, process.env, { PATH: machinePath.join(delimiter) });
  const flags = ["--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  const { error, status } = spawnSync("npm", ["ci"].concat(flags), {
    cwd: root,
    env,
    stdio: ["ignore", 2, 2],
  });
  if (error) stop(`Cannot run npm: ${error.message}. Install npm 10 or newer, then try again.`);
  if (status !== 0) stop("npm ci failed; its reason stands above. Mend that, then try again.");
  if (!existsSync(node))
    stop(
      "npm left out Node 24: its install scripts are off. Run `npm ci --ignore-scripts=false`, then try again.",
    );
  process.stderr.write(`berth: installed in ${Math.round((Date.now() - started) / 1000)} s\n`);
}

function run(entry, parameters) {
  const env = Object.assign({}, process.env, { PATH: [bin].concat(machinePath).join(delimiter) });
  const child = spawn(node, [resolve(root, entry)].concat(parameters), { env, stdio: "inherit" });
  // Ctrl-C reaches the child through the terminal's process group, and npm passes a second one on to this process: that one
  // ends here. Without a terminal nobody but this process tells the child.
  process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
  ["SIGTERM", "SIGHUP"].forEach((signal) => process.on(signal, () => child.kill(signal)));
  child.on("error", (error) =>
    stop(`Cannot run ${node}: ${error.message}. Delete node_modules, then try again.`),
  );
  child.on("exit", (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
}

if (process.platform !== "linux")
  stop(`Berth runs on Linux, and this is ${process.platform}. Use a Linux machine, a container or WSL.`);
if (Number.parseInt(process.versions.node, 10) < MINIMUM_NODE)
  stop(
    `Berth needs Node ${MINIMUM_NODE} or newer, and this is ${process.versions.node} (${process.execPath}). Install a newer one, then try again.`,
  );
if (process.argv.length < 3) stop("Name the program to run: node local/bootstrap.mjs <entry.ts> [arguments]");
if (!isInstalled()) install();
run(process.argv[2], process.argv.slice(3));

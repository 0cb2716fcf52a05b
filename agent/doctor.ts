import { stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { Api } from "./api.ts";
import { Catalogue } from "./catalogue.ts";
import { BerthError } from "../contract/problem.ts";
import { type Config, isOwnEdge, readSecret, type Secret } from "./config.ts";
import { edgeOf } from "./edge-access.ts";
import { error, type Finding, ok, warning } from "./finding.ts";
import { livePid } from "./pid-file.ts";
import { ResourcesFile } from "./resources/resources-file.ts";
import { OWN_SERVICES } from "./service-directories.ts";
import { userPath } from "./sessions/environment.ts";
import { VERSION } from "./version.ts";

type Check = (config: Config) => Promise<Finding[]>;

/** A session's log and files need some room; bytes. */
const LITTLE_ROOM = 104_857_600;

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

const runtime: Check = async () => [ok(`Berth ${VERSION} on Node ${process.versions.node}`)];

const home: Check = async ({ home: path }) => {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined)
    return [error(`${path} is not there`, "Start Berth once with npm start: it makes it.")];
  const findings: Finding[] = [];
  if (found.uid !== process.getuid?.())
    findings.push(error(`${path} belongs to another user`, "Set BERTH_HOME to a folder of your own."));
  if ((found.mode & 0o077) !== 0)
    findings.push(error(`${path} can be read by others`, `Run: chmod 700 ${path}`));
  const { bavail, bsize } = await statfs(path);
  if (bavail * bsize < LITTLE_ROOM)
    findings.push(warning(`${path} has less than 100 MiB left`, "Free some room on its file system."));
  return findings.length > 0 ? findings : [ok(`${path} is yours alone and has room`)];
};

/** Whether this machine uses an edge elsewhere rather than its own. */
const isElsewhere = async (config: Config): Promise<boolean> => !isOwnEdge(config, await edgeOf(config));

/** What to run for an agent. */
const startHint = async (config: Config): Promise<string> =>
  `Start it: ${(await isElsewhere(config)) ? "berth up" : "npm start"}`;

/** What is there of an edge elsewhere is for its owner alone. */
async function tokens(path: string): Promise<Finding[]> {
  const files = ["edge-token.json", "joined.json", "agent-key"].map((file) => join(path, file));
  const findings = await Promise.all(files.map(openToOthers));
  return findings.filter((finding) => finding !== undefined);
}

/** What is wrong with a secret's mode; undefined where nothing is, or the file is not there. */
async function openToOthers(path: string): Promise<Finding | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined || (found.mode & 0o077) === 0
    ? undefined
    : error(`${path} can be read by others`, `Run: chmod 600 ${path}`);
}

const secrets: Check = async (config) => {
  const { home: path } = config;
  const open = await tokens(path);
  if (await isElsewhere(config))
    return open.length > 0 ? open : [ok("the tokens for the edge can be read by you alone")];
  const names = { token: "token", agentToken: "agent-token", cookieSecret: "cookie-secret" } satisfies Record<
    Secret,
    string
  >;
  const findings = await Promise.all(
    Object.entries(names).map(async ([secret, file]): Promise<Finding | undefined> => {
      const value = await readSecret(path, secret as Secret);
      if (value === undefined)
        return error(`${join(path, file)} is missing`, "Start Berth once with npm start: it makes it.");
      return openToOthers(join(path, file));
    }),
  );
  const wrong = [...open, ...findings].filter((finding) => finding !== undefined);
  return wrong.length > 0 ? wrong : [ok("the secrets are in place, readable by you alone")];
};

const processes: Check = async (config) => {
  const agent = await livePid(config.home, "agent");
  return [
    agent === undefined
      ? error("the agent does not run", await startHint(config))
      : ok(`the agent runs as process ${agent}`),
  ];
};

const edge: Check = async (config) => {
  try {
    const api = await Api.open(config);
    const agent = await api.agent();
    const answers = ok(`the edge answers at ${api.edge.origin}`);
    if (agent.online) return [answers, ok("the edge has this workspace's link")];
    return [
      answers,
      error(
        "the edge does not see the agent",
        "Look at the agent's log under BERTH_HOME/run, or start again: npm start",
      ),
    ];
  } catch (cause) {
    const hasRemedy = cause instanceof BerthError && (await isElsewhere(config));
    const hint = hasRemedy ? cause.problem.remedy : "Start it: npm start";
    return [error(`the edge cannot be asked: ${messageOf(cause)}`, hint)];
  }
};

const services: Check = async ({ home: path }) => {
  const catalogue = await Catalogue.load([OWN_SERVICES, join(path, "services")], {
    path: userPath(process.env),
  });
  return catalogue.entries().map(({ name, broken, installed, missing, install }) => {
    if (broken !== null)
      return error(`service ${name}: ${broken}`, "Mend the file; the catalogue follows by itself.");
    if (installed) return ok(`service ${name} can be launched here`);
    return warning(`service ${name} needs ${missing.join(", ")}`, `Run: ${install.join("; ")}`);
  });
};

/** What the file says of the clusters; to look at one takes its doctor, and may take a minute. */
const resources: Check = async ({ home: path }) => {
  const file = new ResourcesFile(path);
  const { definitions, faults } = await file.read();
  const broken = faults.map((fault) =>
    error(file.describe(fault), "Mend the file; the agent follows by itself."),
  );
  const named = [...definitions].map(([name, { host, scheduler }]) =>
    ok(`resource ${name} is ${host} (${scheduler}); to look at it: berth resource doctor ${name}`),
  );
  return [...broken, ...named];
};

const CHECKS: readonly Check[] = [runtime, home, secrets, processes, edge, services, resources];

/** Looks at everything a session needs of this workspace, and never fails itself. */
export async function diagnose(config: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const check of CHECKS) {
    try {
      findings.push(...(await check(config)));
    } catch (cause) {
      findings.push(
        error(`a check failed: ${messageOf(cause)}`, "Mend what it names, then run berth doctor again."),
      );
    }
  }
  return findings;
}

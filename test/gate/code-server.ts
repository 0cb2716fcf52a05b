import { access, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { findProgram } from "../../agent/programs.ts";
import { ROOT, run, type RunOptions } from "./command.ts";
import { meet, type Need } from "./needs.ts";
import type { Outcome } from "./outcome.ts";

const VERSION = "4.139.1";
const NAME = "code-server";

/** What npm compiles code-server's native modules with. */
const TOOLCHAIN: readonly Need[] = [
  { name: "Kerberos headers", anyOf: ["/usr/include/gssapi/gssapi.h"], packages: ["libkrb5-dev"] },
  { name: "pkg-config", anyOf: ["pkg-config"], packages: ["pkg-config"] },
  { name: "Python", anyOf: ["python3"], packages: ["python3"] },
  { name: "make", anyOf: ["make"], packages: ["make"] },
  { name: "C++ compiler", anyOf: ["g++"], packages: ["g++"] },
];

const cache = (): string =>
  join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "berth-test", `${NAME}-${VERSION}`);

/** The folder of the cached program, whether it is there or not. It is kept outside of the repository for every clone. */
export const codeServerPath = (): string => join(cache(), "node_modules", ".bin");

/**
 * The environment in which npm builds for the Node that this process runs on, with the headers that came with it.
 * npm looks for its global configuration beside its Node, so that the machine's is named to it.
 */
async function npmEnvironment(options: RunOptions): Promise<RunOptions["env"]> {
  const own = join(ROOT, "node_modules/.bin");
  const machinePath = (process.env["PATH"] ?? "").split(delimiter).filter((part) => part !== own);
  const globalConfig = await run(["npm", "config", "get", "globalconfig"], {
    ...options,
    env: { PATH: machinePath.join(delimiter), npm_config_loglevel: "silent" },
  });
  const headers = join(ROOT, `node_modules/node/node_modules/node-linux-${process.arch}`);
  const bundled = await access(join(headers, "include/node/node.h")).then(
    () => true,
    () => false,
  );
  return {
    PATH: [own, ...machinePath].join(delimiter),
    // The npm around the gate names its own Node here, and code-server's install script believes it.
    npm_config_user_agent: undefined,
    ...(globalConfig.code === 0 ? { npm_config_globalconfig: globalConfig.output.trim() } : {}),
    ...(bundled ? { npm_config_nodedir: headers } : {}),
  };
}

async function install(options: RunOptions): Promise<Outcome> {
  process.stdout.write(`… installing ${NAME} ${VERSION} into ${cache()}; this takes two to three minutes\n`);
  await mkdir(dirname(cache()), { recursive: true });
  const partial = await mkdtemp(`${cache()}.partial-`);
  try {
    const flags = ["--prefix", partial, "--no-audit", "--no-fund", "--loglevel=error"];
    const { code, output } = await run(["npm", "install", ...flags, `${NAME}@${VERSION}`], {
      ...options,
      env: { ...options.env, ...(await npmEnvironment(options)) },
    });
    if (code !== 0) {
      const detail = `npm install ${NAME}@${VERSION}\n${output.trimEnd().split("\n").slice(-30).join("\n")}`;
      return { name: NAME, state: process.env["CI"] === "true" ? "failed" : "skipped", detail };
    }
    await rename(partial, cache());
    return { name: NAME, state: "passed" };
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Makes sure that the tests find code-server: their machine's, or one of ours built into the user's cache. */
export async function provideCodeServer(options: RunOptions): Promise<Outcome> {
  const path = [process.env["PATH"] ?? "", codeServerPath()].join(delimiter);
  if ((await findProgram(NAME, path)) !== undefined) return { name: NAME, state: "passed" };
  const blocked = (await meet(TOOLCHAIN, options)).find(({ state }) => state !== "passed");
  return blocked ? { ...blocked, name: `${NAME}: ${blocked.name}` } : install(options);
}

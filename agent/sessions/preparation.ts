import { join } from "node:path";
import { BerthError } from "../../contract/problem.ts";
import type { ServiceDefinition } from "../../contract/service.ts";
import { checkPatterns, Readiness } from "../../contract/service.ts";
import type { SessionSpec } from "../../contract/session.ts";
import type { Catalogue } from "../catalogue.ts";
import type { HeldPort } from "../ports.ts";
import { holdPort, isAllowedPort } from "../ports.ts";
import { killScript, sessionScript, tellScript } from "../script/session-script.ts";
import type { ServiceFile } from "../service-file.ts";
import type { WorkspaceLaunch } from "./record.ts";
import { STARTING } from "./record.ts";
import type { SessionDirectory } from "./session-directory.ts";
import { currentBoot } from "./session-directory.ts";

/** A launch that is about to be spawned. */
export type Preparation = { launch: WorkspaceLaunch; held: HeldPort };

export type PreparationOptions = {
  /** `BERTH_HOME` */
  home: string;
  catalogue: Pick<Catalogue, "get">;
  refusedPorts: ReadonlySet<number>;
  nodePath: string;
  clock: () => number;
};

/** A service as its folder describes it. @throws BerthError `unknown_service` when it is unknown or broken */
export function serviceOf(
  { service }: SessionSpec,
  catalogue: Pick<Catalogue, "get">,
): { definition: ServiceDefinition; directory: string } {
  const found = catalogue.get(service);
  if (found === undefined)
    throw new BerthError("unknown_service", `Cannot start "${service}": the workspace has no such service`);
  if (found.definition === null)
    throw new BerthError(
      "unknown_service",
      `Cannot start "${service}": ${found.entry.broken ?? "it is broken"}`,
    );
  return { definition: found.definition, directory: found.directory };
}

async function holdAllowed(refused: ReadonlySet<number>): Promise<HeldPort> {
  for (;;) {
    const held = await holdPort();
    if (isAllowedPort(held.port, refused)) return held;
    held[Symbol.dispose]();
  }
}

/**
 * Makes everything that a session's process needs, but does not start it: the port, the scripts, and the service.json
 * that says "Starting". Repeatable; a later one overwrites what an earlier one wrote.
 * @throws BerthError when the service is unknown or cannot be started so, as with an input that does not match its pattern;
 *   Error when the disk refuses
 */
export async function prepare(
  spec: SessionSpec,
  directory: SessionDirectory,
  file: ServiceFile,
  options: PreparationOptions,
): Promise<Preparation> {
  const { home, refusedPorts, nodePath, clock } = options;
  const service = serviceOf(spec, options.catalogue);
  const { url, slug, stripPrefix, readiness, inputs } = service.definition;
  checkPatterns(inputs, spec.inputs);
  const held = await holdAllowed(refusedPorts);
  try {
    const { port } = held;
    const script = {
      spec,
      directory: directory.path,
      serviceDirectory: service.directory,
      port,
      openPort: port,
      basepath: `${url}/${port}`,
      installDirectory: join(home, "software"),
      resourceName: "workspace",
      nodePath,
    } as const;
    // The inputs in them may be passwords.
    await directory.writeScript("session.sh", sessionScript(script), 0o600);
    await directory.writeScript("kill.sh", killScript(script), 0o600);
    await directory.writeScript("tell", tellScript(directory.path), 0o700);
    const scheme = url === "/sme" ? "sme" : "me";
    await file.write({ scheme, port, slug, stripPrefix, status: STARTING, error: "" });
    return {
      launch: {
        where: "workspace",
        port,
        startedAt: clock(),
        boot: await currentBoot(),
        readiness,
        reportsRead: 0,
      },
      held,
    };
  } catch (error) {
    held[Symbol.dispose]();
    throw error;
  }
}

/**
 * Takes over a session that has been started although no record says so, for the record was broken or lost: nothing may
 * be started a second time. What service.json says of its port is all that is left.
 * @returns undefined when it has not been started
 */
export async function recover(
  directory: SessionDirectory,
  file: ServiceFile,
  { clock }: PreparationOptions,
): Promise<WorkspaceLaunch | undefined> {
  const port = file.current?.port;
  if (port === undefined || (await directory.leader()) === undefined) return undefined;
  const boot = await currentBoot();
  return {
    where: "workspace",
    port,
    startedAt: clock(),
    boot,
    readiness: Readiness.parse({}),
    reportsRead: 0,
  };
}

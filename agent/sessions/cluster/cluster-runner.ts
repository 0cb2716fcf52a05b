import { setTimeout as delay } from "node:timers/promises";
import { BerthError } from "../../../contract/problem.ts";
import { checkPatterns } from "../../../contract/service.ts";
import type { SessionSpec } from "../../../contract/session.ts";
import type { Connect } from "../../relay/tunnel-agent.ts";
import type { ResourceUse, Resources } from "../../resources/resources.ts";
import type { ServiceFile } from "../../service-file.ts";
import { CannotAsk } from "../../ssh/shell.ts";
import { SshError } from "../../ssh/trouble.ts";
import { WorkspacePort } from "../../ssh/workspace-port.ts";
import type { PreparationOptions } from "../preparation.ts";
import { serviceOf } from "../preparation.ts";
import type { ClusterLaunch, Launch } from "../record.ts";
import type { EndOptions, Runner, Watch, WatchOptions } from "../runner.ts";
import type { SessionDirectory } from "../session-directory.ts";
import { endOnCluster } from "./cluster-end.ts";
import { ClusterLive } from "./cluster-live.ts";
import { ClusterSite } from "./cluster-site.ts";
import { PREPARING } from "./cluster-status.ts";
import { LogMirror } from "./log-mirror.ts";
import { Output } from "./output.ts";
import { forgetTunnelKeys, SessionTunnel, tunnelKeys } from "./session-tunnel.ts";
import { Trouble } from "./trouble.ts";

/** How long a launch waits for a cluster that cannot be reached, milliseconds: a blip must not fail it. */
const REACH_MS = 60_000;
const AGAIN_MS = 2000;
/** The pause before a cluster that cannot be asked is asked again to end something: at first, and at most. */
const END_AGAIN_MS = { first: 1000, most: 15_000 };

/** Trouble that waiting does not mend. */
const LASTING: ReadonlySet<string> = new Set([
  "config",
  "no_ssh",
  "host_key_unknown",
  "host_key_changed",
  "host_key_revoked",
  "no_key",
  "agent_empty",
  "key_encrypted",
  "permission_denied",
  "startup_file",
]);

export type ClusterRunnerOptions = PreparationOptions & { resources: Resources };

function onCluster(launch: Launch): ClusterLaunch {
  if (launch.where !== "cluster") throw new Error("the record is of a session in the workspace");
  return launch;
}

/** Runs a session as a job of a cluster, or as a process of its controller node. */
export class ClusterRunner implements Runner {
  readonly connect: Connect;
  readonly #spec: SessionSpec;
  readonly #directory: SessionDirectory;
  readonly #options: ClusterRunnerOptions;
  #used: ResourceUse | undefined;
  #port: WorkspacePort | undefined;
  #tunnel: SessionTunnel | undefined;
  #output: Output | undefined;

  constructor(spec: SessionSpec, directory: SessionDirectory, options: ClusterRunnerOptions) {
    this.#spec = spec;
    this.#directory = directory;
    this.#options = options;
    this.connect = () => {
      if (this.#tunnel === undefined)
        return Promise.reject(Object.assign(new Error("the tunnel is not up"), { code: "ENOTCONN" }));
      return this.#tunnel.connect();
    };
  }

  async recover(): Promise<Launch | undefined> {
    // Its record is all that says where it is; the start lock on the cluster keeps it from being started twice.
    return undefined;
  }

  async prepare(file: ServiceFile, options: Parameters<Runner["prepare"]>[1]): Promise<Launch> {
    const { catalogue, refusedPorts, clock, resources } = this.#options;
    const { id, resource: name = "" } = this.#spec;
    const { definition } = serviceOf(this.#spec, catalogue);
    checkPatterns(definition.inputs, this.#spec.inputs);
    resources.mustHave(name);
    const home = await this.#home(name, options);
    this.#port ??= await WorkspacePort.listen({ refused: refusedPorts, connect: this.connect });
    const { port } = this.#port;
    const { url, slug, stripPrefix, readiness } = definition;
    const scheme = url === "/sme" ? "sme" : "me";
    await file.write({ scheme, port, slug, stripPrefix, status: PREPARING, error: "" });
    return {
      where: "cluster",
      port,
      startedAt: clock(),
      readiness,
      reportsRead: 0,
      resource: name,
      directory: `${home}/.berth/sessions/${id}`,
      isPreparing: false,
      isSubmitting: false,
      isInDoubt: false,
      isListening: false,
      warned: [],
    };
  }

  async watch(options: WatchOptions): Promise<Watch> {
    const launch = onCluster(options.launch);
    const { site, output } = await this.#at(launch);
    const keys = await tunnelKeys(this.#directory);
    const { catalogue, clock } = this.#options;
    await this.#listen(launch.port);
    return new ClusterLive({
      ...options,
      launch,
      site,
      output,
      clock,
      openTunnel: (callbacks) => {
        this.#tunnel = new SessionTunnel({
          session: this.#spec.id,
          keys,
          placement: site.placement,
          resource: site.resource,
          remote: site.remote,
          port: launch.port,
          reportsRead: launch.reportsRead,
          ...callbacks,
          log: (line) => void this.#directory.log.say(line).catch(() => undefined),
        });
        return this.#tunnel;
      },
      fill: async () => {
        const service = serviceOf(this.#spec, catalogue);
        const { files, hasController } = site.files(launch, service, keys, this.#directory);
        await site.remote.fill(files, service.directory, this.#directory.file("upload"));
        return hasController;
      },
    });
  }

  async end(options: EndOptions): Promise<string[]> {
    const { alive, signal, onTrouble } = options;
    const launch = onCluster(options.launch);
    const trouble = new Trouble(this.#options.clock);
    let pause = END_AGAIN_MS.first;
    for (;;) {
      signal.throwIfAborted();
      try {
        const { site, output } = await this.#at(launch);
        await endOnCluster(site, output, { launch, alive, signal });
        break;
      } catch (error) {
        if (!(error instanceof CannotAsk) || signal.aborted) throw error;
        if (trouble.set("Cannot end it on the cluster; trying again", error.message)) onTrouble(trouble.text);
        await delay(pause, undefined, { signal });
        pause = Math.min(2 * pause, END_AGAIN_MS.most);
      }
    }
    await this[Symbol.asyncDispose]();
    await forgetTunnelKeys(this.#directory);
    return [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#output?.[Symbol.dispose]();
    await this.#tunnel?.[Symbol.asyncDispose]();
    await this.#port?.[Symbol.asyncDispose]();
    this.#used?.[Symbol.dispose]();
    this.#output = undefined;
    this.#tunnel = undefined;
    this.#port = undefined;
    this.#used = undefined;
  }

  /** The user's home on the cluster, asked for until it answers. @throws CannotAsk after a minute; the signal's reason */
  async #home(name: string, { signal, onTrouble }: Parameters<Runner["prepare"]>[1]): Promise<string> {
    const until = performance.now() + REACH_MS;
    for (;;) {
      try {
        this.#used ??= this.#options.resources.use(name);
        return (await this.#used.resource.facts(signal)).home;
      } catch (error) {
        const isLasting = error instanceof SshError && LASTING.has(error.trouble);
        if (!(error instanceof CannotAsk) || isLasting || performance.now() > until)
          throw error instanceof SshError ? refusal(name, error, this.#used) : error;
        onTrouble(error.message);
        await delay(AGAIN_MS, undefined, { signal });
      }
    }
  }

  async #at(launch: ClusterLaunch): Promise<{ site: ClusterSite; output: Output }> {
    this.#used ??= this.#options.resources.use(launch.resource);
    const { resource } = this.#used;
    const site = new ClusterSite(this.#spec, launch, resource);
    this.#output ??= new Output({
      directory: this.#directory,
      mirror: await LogMirror.open(this.#directory),
      files: resource.files,
      remote: site.remote,
    });
    return { site, output: this.#output };
  }

  /** The port that the session had before. Browsers get to it all the same where somebody else has taken it. */
  async #listen(port: number): Promise<void> {
    try {
      this.#port ??= await WorkspacePort.listen({
        port,
        refused: this.#options.refusedPorts,
        connect: this.connect,
      });
    } catch (error) {
      await this.#directory.log.say(`port ${port} of the workspace is taken: ${String(error)}`);
    }
  }
}

function refusal(name: string, error: SshError, used: ResourceUse | undefined): BerthError {
  const remedy = error.remedyFor(used?.resource.definition.host ?? name);
  return new BerthError("invalid_request", `Cannot start on "${name}": ${error.message} ${remedy}`, {
    cause: error,
  });
}

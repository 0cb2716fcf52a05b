import type { ServiceDefinition } from "../../../contract/service.ts";
import type { Placement, SessionSpec } from "../../../contract/session.ts";
import type { Resource } from "../../resources/resource.ts";
import type { JobMonitor } from "../../scheduler/monitor.ts";
import type { JobRef, JobRequest, Scheduler } from "../../scheduler/scheduler.ts";
import { CONTROLLER } from "../../scheduler/schedulers.ts";
import type { ClusterScriptOptions, JobSchedulerType } from "../../script/cluster-script.ts";
import { clusterScript, controllerScript } from "../../script/cluster-script.ts";
import { library } from "../../script/parts.ts";
import type { TunnelKeys } from "../../ssh/tunnel-keys.ts";
import type { ClusterLaunch } from "../record.ts";
import type { SessionDirectory } from "../session-directory.ts";
import type { RemoteFiles } from "./remote-directory.ts";
import { RemoteDirectory } from "./remote-directory.ts";

/** Where a session's job runs, and what is asked for it. */
export class ClusterSite {
  readonly spec: SessionSpec;
  readonly resource: Resource;
  readonly remote: RemoteDirectory;
  readonly placement: Exclude<Placement, "workspace">;
  readonly scheduler: Scheduler;
  readonly jobs: JobMonitor;

  constructor(spec: SessionSpec, launch: ClusterLaunch, resource: Resource) {
    this.spec = spec;
    this.resource = resource;
    this.placement = spec.placement === "controller" ? "controller" : "compute";
    this.remote = new RemoteDirectory(launch.directory, resource.connection);
    ({ scheduler: this.scheduler, jobs: this.jobs } = resource.at(this.placement));
  }

  get request(): JobRequest {
    const { id, scheduler = {} } = this.spec;
    return {
      session: id,
      directory: this.remote.path,
      script: this.remote.file("session.sh"),
      request: { ...this.resource.definition.defaults, ...scheduler },
    };
  }

  job(jobId: string): JobRef {
    return { session: this.spec.id, jobId, directory: this.remote.path };
  }

  /** The job that runs the service's controller.sh before the session's own. It has a directory within the session's. */
  get preparation(): { scheduler: Scheduler; request: JobRequest } {
    const directory = this.remote.file("controller");
    return {
      scheduler: CONTROLLER,
      request: {
        session: this.spec.id,
        directory,
        script: `${directory}/session.sh`,
        request: {},
      },
    };
  }

  /** What is put into the session's directory. The inputs may be passwords: for its user alone. */
  files(
    launch: ClusterLaunch,
    service: { definition: ServiceDefinition; directory: string },
    keys: TunnelKeys,
    workspace: SessionDirectory,
  ): { files: RemoteFiles; hasController: boolean } {
    const { definition, name } = this.resource;
    const home = launch.directory.slice(0, launch.directory.indexOf("/.berth/"));
    const options: ClusterScriptOptions = {
      spec: this.spec,
      directory: this.remote.path,
      workspaceDirectory: workspace.path,
      serviceDirectory: service.directory,
      openPort: launch.port,
      basepath: `${service.definition.url}/${launch.port}`,
      installDirectory: definition.installDirectory.replace(/^~(?=\/)/, home),
      scheduler: this.#schedulerType,
      resourceName: name,
      isOnSocket: service.definition.socket,
      prologue: definition.prologue,
      portRange: definition.portRange,
    };
    const controller = controllerScript(options);
    return {
      files: {
        "session.sh": clusterScript(options),
        "tunnel.sh": `${library("tunnel.sh")}\n`,
        key: keys.clientPrivate,
        ...(controller !== undefined && { "controller/session.sh": controller }),
      },
      hasController: controller !== undefined,
    };
  }

  get #schedulerType(): JobSchedulerType {
    if (this.placement === "controller") return "CONTROLLER";
    return this.resource.definition.scheduler === "pbs" ? "PBS" : "SLURM";
  }
}

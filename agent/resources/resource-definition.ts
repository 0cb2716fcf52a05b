import { z } from "zod";
import { SchedulerName } from "../../contract/resource.ts";
import { SchedulerRequest } from "../../contract/session.ts";
import { parseWalltime, WALLTIME_EXAMPLES } from "../../contract/walltime.ts";
import { PBS_DIALECTS } from "../scheduler/pbs/dialect.ts";

/** What ssh takes as a destination and a shell cannot misread: an alias of the ssh configuration, or `user@host`. */
const SshHost = z
  .string()
  .max(255)
  .regex(
    /^(?:[A-Za-z0-9_][A-Za-z0-9._+-]*@)?[A-Za-z0-9[][A-Za-z0-9._:%[\]-]*$/,
    "must be an ssh alias, a host name or user@host",
  );

/** A host as another one dials it: a name, or an address of IPv4 or IPv6. */
const Address = z
  .string()
  .max(255)
  .regex(/^[A-Za-z0-9:][A-Za-z0-9._:-]*$/, "must be a host name or an IP address");

const PortRange = z
  .string()
  .regex(/^\d{4,5}-\d{4,5}$/, 'must be two ports, such as "20000-32000"')
  .refine((text) => {
    const [first = 0, last = 0] = text.split("-").map(Number);
    return first >= 1024 && first <= last && last <= 65_535;
  }, "must be two ports from 1024 to 65535, the smaller one first");

/** A path on the cluster that is the user's own: `~/` is the home there. */
const RemotePath = z
  .string()
  .max(4096)
  .regex(/^(?:~\/|\/)[^\0\n\r]*$/, "must begin with / or ~/");

const { partition, account, qos } = SchedulerRequest.shape;

/** Seconds; the file says it as people do. */
const Walltime = z.string().transform((text, context) => {
  const seconds = parseWalltime(text);
  if (seconds !== undefined) return seconds;
  context.addIssue({ code: "custom", message: `must be a time such as ${WALLTIME_EXAMPLES}` });
  return z.NEVER;
});

/**
 * One entry of `resources.yaml`: a cluster, how it is reached and what it asks for. docs/clusters.md says why each option
 * is there.
 */
export const ResourceDefinition = z.strictObject({
  host: SshHost,
  /** An ssh configuration in place of `~/.ssh/config`: absolute. */
  sshConfig: z.string().startsWith("/", "must be an absolute path").optional(),
  scheduler: SchedulerName,
  /** Told by `qstat --version` where it is not said. */
  pbsDialect: z.enum(PBS_DIALECTS).optional(),
  /** `service_parent_install_dir`: where services install themselves, on a file system that the nodes share. */
  installDirectory: RemotePath.default("~/.berth/software"),
  /** How a node reaches the workspace: through the controller, or by itself at this address. */
  tunnel: z
    .discriminatedUnion("via", [
      z.strictObject({ via: z.literal("controller") }),
      z.strictObject({ via: z.literal("direct"), address: Address }),
    ])
    .default({ via: "controller" }),
  /** What the nodes call the controller; its own host name where it is not said. */
  controllerHost: Address.optional(),
  /** `berth_port_range`: which ports `findAvailablePort` may take on a node. */
  portRange: PortRange.optional(),
  /** What the scheduler is asked for where a launch does not say. */
  defaults: z.strictObject({ partition, account, qos, walltime: Walltime.optional() }).optional(),
  /** Lines of bash before the service's own, in the job: `module load …`. */
  prologue: z
    .string()
    .max(65_536)
    .refine((text) => !text.includes("\0"), "must not hold a NUL character")
    .optional(),
});
export type ResourceDefinition = z.infer<typeof ResourceDefinition>;
/** The same as the file spells it: what is left out has its default. */
export type ResourceEntry = z.input<typeof ResourceDefinition>;

import { MEMORY_PATTERN } from "../../contract/memory.ts";
import type { LaunchDefaults, Partition, ResourceView } from "../../contract/resource.ts";
import { spellWalltime, WALLTIME_EXAMPLES, WALLTIME_PATTERN } from "../../contract/walltime.ts";
import { Labelled } from "./labelled.tsx";
import { partitionText } from "./partition-table.tsx";
import type { TypedScheduler } from "./place.ts";

type SchedulerProps = {
  /** The clusters that have a scheduler. */
  resources: readonly ResourceView[];
  /** The name of the one that is chosen. */
  chosen: string;
  shown: boolean;
  typed: TypedScheduler;
  errorAt: (field: string) => string | undefined;
};

type FieldProps = Pick<SchedulerProps, "typed" | "errorAt">;

/** What a job in a partition gets: where nothing is asked, and at most. */
function timeIn(partition: Partition | undefined, defaults: LaunchDefaults): string | undefined {
  const { name = "The partition", maxWalltime = null, defaultWalltime = null } = partition ?? {};
  const seconds = defaults.walltime ?? defaultWalltime;
  const usual = seconds === null ? undefined : spellWalltime(seconds);
  if (maxWalltime === null)
    return usual === undefined ? undefined : `${name} gives ${usual} unless asked for more.`;
  const most = `up to ${spellWalltime(maxWalltime)}`;
  const given = usual === undefined ? `takes ${most}` : `gives ${usual}, and ${most} when asked`;
  return `${name} ${given}; what asks for more does not start.`;
}

/** What counts where the form is left empty, and how much may be asked. */
function limitOf(partition: Partition | undefined, defaults: LaunchDefaults): string {
  const { account, qos } = defaults;
  const named = [
    account === undefined ? undefined : `account ${account}`,
    qos === undefined ? undefined : `QoS ${qos}`,
  ].filter((each) => each !== undefined);
  const usual = named.length === 0 ? undefined : `Left empty: ${named.join(", ")}.`;
  return [timeIn(partition, defaults), usual].filter((each) => each !== undefined).join(" ");
}

/** What the script reads of a partition: whether it has GPUs, and its limit in words. */
const dataOf = (partition: Partition | undefined, defaults: LaunchDefaults): Record<string, string> => ({
  ...(partition === undefined || partition.gpus.length > 0 ? { "data-gpus": "" } : {}),
  "data-limit": limitOf(partition, defaults),
});

const partitionNamed = (
  resource: ResourceView | undefined,
  name: string | undefined,
): Partition | undefined => resource?.partitions.find((partition) => partition.name === name);

/** The partition of a launch that names none; undefined where it is not known. */
function usualOf(resource: ResourceView | undefined): Partition | undefined {
  const name = resource?.defaults?.partition;
  return name === undefined
    ? resource?.partitions.find((partition) => partition.isDefault)
    : partitionNamed(resource, name);
}

/** What a launch that names no partition goes to, in words. */
function usualText(resource: ResourceView): string {
  const usual = usualOf(resource);
  const name = resource.defaults?.partition;
  if (usual !== undefined) return `Default, ${partitionText(usual)}`;
  return name === undefined ? "The cluster's default" : `Default, ${name}`;
}

/** The partition that a form shows as chosen; undefined where it is not known. */
const partitionOf = (resource: ResourceView | undefined, typed: TypedScheduler): Partition | undefined =>
  partitionNamed(resource, typed.partition) ?? usualOf(resource);

/** One cluster's partitions: those that are known to choose from, or a name where none is. */
function PartitionField({ resource, shown, typed, errorAt }: FieldProps & FieldOf) {
  const { defaults = {} } = resource;
  const isKnown = resource.partitions.length > 0;
  const named = shown ? (typed.partition ?? "") : "";
  return (
    <Labelled
      name={`scheduler.partition.${resource.name}`}
      id={`partition-${resource.name}`}
      label={resource.scheduler === "pbs" ? "Queue" : "Partition"}
      help={
        isKnown
          ? undefined
          : `None is known yet. Left empty: ${defaults.partition ?? "the cluster's default"}.`
      }
      error={shown ? errorAt("scheduler.partition") : undefined}
      attributes={{ "data-resource": resource.name, ...(shown ? {} : { "data-unmet": "" }) }}
    >
      {(attributes) =>
        isKnown ? (
          <select {...attributes}>
            <option value="" {...dataOf(usualOf(resource), defaults)} selected={named === ""}>
              {usualText(resource)}
            </option>
            {resource.partitions.map((partition) => (
              <option
                value={partition.name}
                {...dataOf(partition, defaults)}
                selected={named === partition.name}
              >
                {partitionText(partition)}
              </option>
            ))}
          </select>
        ) : (
          <input {...attributes} type="text" value={named} autocomplete="off" spellcheck={false} />
        )
      }
    </Labelled>
  );
}

type FieldOf = { resource: ResourceView; shown: boolean };

type TextProps = FieldProps & {
  field: keyof TypedScheduler;
  label: string;
  help?: string;
  /** Further attributes of the control. */
  control?: Record<string, string>;
  attributes?: Record<string, string>;
};

const Text = ({ field, label, help, control, attributes = {}, typed, errorAt }: TextProps) => (
  <Labelled
    name={`scheduler.${field}`}
    label={label}
    help={help}
    error={errorAt(`scheduler.${field}`)}
    attributes={attributes}
  >
    {(shared) => (
      <input
        {...shared}
        type="text"
        autocomplete="off"
        spellcheck={false}
        value={typed[field] ?? ""}
        {...control}
      />
    )}
  </Labelled>
);

const Count = ({ min, ...props }: Omit<TextProps, "control"> & { min: number }) => (
  <Text {...props} control={{ type: "number", inputmode: "numeric", step: "1", min: String(min) }} />
);

const MORE = ["account", "qos", "nodes", "tasksPerNode", "exclusive", "directives"] as const;

/** What most launches leave to the cluster; open where something of it was typed or is wrong. */
function More({ typed, errorAt }: FieldProps) {
  const isOpen = MORE.some(
    (field) => (typed[field] ?? "") !== "" || errorAt(`scheduler.${field}`) !== undefined,
  );
  const common = { typed, errorAt };
  return (
    <details class="more-fields" {...(isOpen ? { open: true } : {})}>
      <summary>More</summary>
      <div class="sizes">
        <Text {...common} field="account" label="Account" />
        <Text {...common} field="qos" label="QoS" />
        <Count {...common} field="nodes" label="Nodes" min={1} />
        <Count {...common} field="tasksPerNode" label="Tasks per node" min={1} />
      </div>
      <fieldset class="field" data-type="boolean">
        <label for="scheduler-exclusive">Nodes of its own (exclusive)</label>
        <input
          id="scheduler-exclusive"
          type="checkbox"
          name="scheduler.exclusive"
          value="true"
          checked={typed.exclusive === "true"}
        />
      </fieldset>
      <Labelled
        name="scheduler.directives"
        label="Directives"
        help="One a line, as they stand after #SBATCH or #PBS."
        error={errorAt("scheduler.directives")}
      >
        {(attributes) => (
          <textarea {...attributes} rows={3} spellcheck={false} placeholder="--constraint=a100">
            {`\n${typed.directives ?? ""}`}
          </textarea>
        )}
      </Labelled>
    </details>
  );
}

/** What the scheduler is asked for. */
export function SchedulerFields({ resources, chosen, shown, typed, errorAt }: SchedulerProps) {
  const common = { typed, errorAt };
  const resource = resources.find((each) => each.name === chosen);
  const partition = partitionOf(resource, typed);
  const noGpus = partition !== undefined && partition.gpus.length === 0;
  const wrong = errorAt("scheduler");
  return (
    <fieldset class="compute" data-place="compute" {...(shown ? {} : { "data-unmet": "" })}>
      <legend class="unseen">What the scheduler is asked for</legend>
      <p class="help unscripted">These count only on a cluster's compute nodes.</p>
      {wrong === undefined ? null : (
        <p class="wrong" role="alert">
          {wrong}
        </p>
      )}
      {resources.map((each) => (
        <PartitionField {...common} resource={each} shown={each.name === chosen} />
      ))}
      <div class="sizes">
        <Text
          {...common}
          field="walltime"
          label="Time"
          control={{ pattern: WALLTIME_PATTERN, title: `Like ${WALLTIME_EXAMPLES}`, placeholder: "4h" }}
        />
        <Count {...common} field="cpusPerTask" label="CPUs" min={1} />
        <Text
          {...common}
          field="memory"
          label="Memory"
          control={{ pattern: MEMORY_PATTERN, title: "Like 16G or 4096M", placeholder: "16G" }}
        />
        <Count
          {...common}
          field="gpus"
          label="GPUs"
          min={0}
          attributes={{ "data-place": "gpus", ...(noGpus ? { "data-unmet": "" } : {}) }}
        />
      </div>
      <p class="help">
        Time like {WALLTIME_EXAMPLES}; memory like 16G. What is left empty is as the cluster sets it.
      </p>
      <p class="help scripted" data-limit-of="partition">
        {limitOf(partition, resource?.defaults ?? {})}
      </p>
      <More {...common} />
    </fieldset>
  );
}

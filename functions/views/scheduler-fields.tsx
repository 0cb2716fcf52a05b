import { MEMORY_PATTERN } from "../../contract/memory.ts";
import type { Partition, ResourceView } from "../../contract/resource.ts";
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

/** What a partition gives a job: where nothing is asked, and at most. */
function limitOf(partition: Partition | undefined): string {
  const { name, maxWalltime, defaultWalltime } = partition ?? {};
  const usual = typeof defaultWalltime === "number" ? spellWalltime(defaultWalltime) : undefined;
  if (typeof maxWalltime !== "number")
    return usual === undefined ? "" : `${name} gives ${usual} unless asked for more.`;
  const most = `up to ${spellWalltime(maxWalltime)}`;
  const given = usual === undefined ? `takes ${most}` : `gives ${usual}, and ${most} when asked`;
  return `${name} ${given}; what asks for more does not start.`;
}

/** What the script reads of a partition: whether it has GPUs, and its limit in words. */
const dataOf = (partition: Partition | undefined): Record<string, string> => ({
  ...(partition === undefined || partition.gpus.length > 0 ? { "data-gpus": "" } : {}),
  "data-limit": limitOf(partition),
});

const usualOf = (resource: ResourceView | undefined): Partition | undefined =>
  resource?.partitions.find((partition) => partition.isDefault);

/** The partition that a form shows as chosen; undefined where it is not known. */
const partitionOf = (resource: ResourceView | undefined, typed: TypedScheduler): Partition | undefined =>
  resource?.partitions.find((partition) => partition.name === typed.partition) ?? usualOf(resource);

/** One cluster's partitions: those that are known to choose from, or a name where none is. */
function PartitionField({ resource, shown, typed, errorAt }: FieldProps & FieldOf) {
  const usual = usualOf(resource);
  const isKnown = resource.partitions.length > 0;
  const named = shown ? (typed.partition ?? "") : "";
  return (
    <Labelled
      name={`scheduler.partition.${resource.name}`}
      id={`partition-${resource.name}`}
      label={resource.scheduler === "pbs" ? "Queue" : "Partition"}
      help={isKnown ? undefined : "None is known yet. Left empty, the cluster's default."}
      error={shown ? errorAt("scheduler.partition") : undefined}
      attributes={{ "data-resource": resource.name, ...(shown ? {} : { "data-unmet": "" }) }}
    >
      {(attributes) =>
        isKnown ? (
          <select {...attributes}>
            <option value="" {...dataOf(usual)} selected={named === ""}>
              {usual === undefined ? "The cluster's default" : `Default, ${partitionText(usual)}`}
            </option>
            {resource.partitions.map((partition) => (
              <option value={partition.name} {...dataOf(partition)} selected={named === partition.name}>
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
        {limitOf(partition)}
      </p>
      <More {...common} />
    </fieldset>
  );
}

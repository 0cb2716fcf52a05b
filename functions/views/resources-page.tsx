import type { ResourceView, SchedulerName } from "../../contract/resource.ts";
import { Command } from "./command.tsx";
import { type Frame, Layout } from "./layout.tsx";
import { PartitionTable } from "./partition-table.tsx";
import { type Look, State } from "./state.tsx";
import { Ago, Hour } from "./time.tsx";
import { Trouble } from "./trouble.tsx";

/** What the user runs to add a cluster, with names to be replaced. */
export const ADD_COMMAND = "./berth resource add hopper --host me@login.hopper.example";

const SCHEDULERS: Record<SchedulerName, string> = {
  slurm: "Slurm",
  pbs: "PBS",
  none: "no scheduler: sessions run on its controller",
};

const LOOKS = {
  reachable: "reachable",
  unreachable: "not reachable",
  unasked: "not asked yet",
} as const satisfies Record<ResourceView["state"], Look>;

/** What to show of a cluster: nothing is known of one now while the workspace is away. */
const lookOfResource = ({ state, reachable }: ResourceView): Look =>
  reachable ? LOOKS[state] : "not reachable";

function Partitions({ resource }: { resource: ResourceView }) {
  if (resource.partitions.length > 0) return <PartitionTable resource={resource} />;
  if (resource.scheduler === "none") return null;
  return (
    <p class="help">
      {resource.askedAt === null
        ? "Its partitions have not been read yet. A launch there does not wait for that."
        : "Its scheduler names no partitions."}
    </p>
  );
}

const Cluster = ({ resource, now }: { resource: ResourceView; now: number }) => (
  <section id={`resource-${resource.name}`} class="cluster" aria-labelledby={`heading-${resource.name}`}>
    <div class="head">
      <h2 id={`heading-${resource.name}`}>{resource.name}</h2>
      <State look={lookOfResource(resource)} />
    </div>
    <p class="facts">
      <span>{SCHEDULERS[resource.scheduler]}</span>
      <span>
        <code>{resource.host}</code>
      </span>
      {resource.askedAt === null ? null : (
        <span>
          as of <Ago at={resource.askedAt} now={now} />
        </span>
      )}
    </p>
    {resource.trouble === null ? null : (
      <>
        <Trouble text={resource.trouble.text} />
        <p class="help">
          Since <Hour at={resource.trouble.since} />, <Ago at={resource.trouble.since} now={now} />. Sessions
          there go on.
        </p>
      </>
    )}
    <Partitions resource={resource} />
  </section>
);

const Lesson = () => (
  <div class="lesson">
    <h2>No clusters yet</h2>
    <p>
      A cluster that you reach by SSH can run your sessions: on its controller, or on compute nodes by Slurm
      or PBS. What you then launch asks where to run. Add one on the workspace:
    </p>
    <Command text={ADD_COMMAND} />
    <p class="help">
      It shows the cluster's host key to be confirmed, finds the scheduler and tries the way to a node.
    </p>
  </div>
);

type ResourcesProps = { frame: Frame; resources: readonly ResourceView[]; now: number };

/** The clusters: what they are, whether they can be reached, what is free there. */
export const ResourcesPage = ({ frame, resources, now }: ResourcesProps) => (
  <Layout title="Resources" frame={frame} refresh={30}>
    <div class="head">
      <h1>Resources</h1>
    </div>
    <div
      id="resources"
      hx-get="/resources"
      hx-trigger="berth:resources from:body throttle:250ms, berth:agent from:body throttle:250ms, berth:opened from:body"
      hx-select="#resources"
      hx-swap="outerMorph"
    >
      {resources.length === 0 ? (
        <Lesson />
      ) : (
        <>
          {resources.map((resource) => (
            <Cluster resource={resource} now={now} />
          ))}
          <p class="help">
            Add another on the workspace: <code>{ADD_COMMAND}</code>
          </p>
        </>
      )}
    </div>
  </Layout>
);

import type { ResourceView } from "../../contract/resource.ts";
import type { CatalogueEntry } from "../../contract/service.ts";
import { placementsOn, proposedResource, type TypedPlace } from "./place.ts";
import { ADD_COMMAND } from "./resources-page.tsx";
import { SchedulerFields } from "./scheduler-fields.tsx";
import { Hour } from "./time.tsx";

const PLACEMENTS = { compute: "compute node", controller: "controller" } as const;

type PlaceProps = {
  entry: CatalogueEntry;
  resources: readonly ResourceView[];
  typed: TypedPlace | undefined;
  /** What is wrong with a field, by its name. */
  errorAt: (field: string) => string | undefined;
};

/** Why a cluster may not be what the reader wants just now. */
function Caution({ entry, resource }: { entry: CatalogueEntry; resource: ResourceView }) {
  if (placementsOn(entry, resource).length === 0)
    return <small>has no scheduler; {entry.title} runs on compute nodes</small>;
  const { trouble, state, scheduler } = resource;
  if (state === "unreachable" && trouble === null) return <small>cannot be reached</small>;
  if (trouble === null) return scheduler === "none" ? <small>on its controller</small> : null;
  return (
    <small>
      {state === "unreachable" ? "cannot be reached since " : "in trouble since "}
      <Hour at={trouble.since} />: {trouble.text}
    </small>
  );
}

function Wrong({ id, error }: { id: string; error: string | undefined }) {
  return error === undefined ? null : (
    <p class="wrong" id={id} role="alert">
      {error}
    </p>
  );
}

function RunOn({ entry, resources, chosen, error }: Omit<PlaceProps, "typed" | "errorAt"> & Chosen) {
  const wrong = error === undefined ? {} : ({ "aria-describedby": "resource-error" } as const);
  return (
    <fieldset class="field">
      <legend>Run on</legend>
      <Wrong id="resource-error" error={error} />
      <div class="radios places">
        {entry.placements.includes("workspace") ? (
          <label>
            <input
              type="radio"
              name="resource"
              value=""
              data-placements=""
              checked={chosen === ""}
              {...wrong}
            />
            workspace
          </label>
        ) : null}
        {resources.map((resource) => {
          const placements = placementsOn(entry, resource);
          return (
            <label>
              <input
                type="radio"
                name="resource"
                value={resource.name}
                data-placements={placements.join(" ")}
                checked={chosen === resource.name}
                disabled={placements.length === 0}
                {...wrong}
              />
              <span>
                {resource.name} <Caution entry={entry} resource={resource} />
              </span>
            </label>
          );
        })}
      </div>
    </fieldset>
  );
}

type Chosen = { chosen: string; error: string | undefined };

function WhereOn({ chosen, error, shown, note }: Chosen & { shown: boolean; note: string | undefined }) {
  const wrong = error === undefined ? {} : ({ "aria-describedby": "placement-error" } as const);
  return (
    <fieldset class="field" data-place="choice" {...(shown ? {} : { "data-unmet": "" })}>
      <legend>Where</legend>
      <Wrong id="placement-error" error={error} />
      <div class="radios">
        {(["controller", "compute"] as const).map((placement) => (
          <label>
            <input
              type="radio"
              name="placement"
              value={placement}
              checked={chosen === placement}
              {...wrong}
            />
            {PLACEMENTS[placement]}
          </label>
        ))}
      </div>
      {note === undefined ? null : <p class="help unscripted">{note}</p>}
    </fieldset>
  );
}

/** What a reader without clusters may not know of. */
const Lesson = () => (
  <p class="help">
    It can run on a cluster too. Add one on the workspace: <code>{ADD_COMMAND}</code>
  </p>
);

/**
 * Where the session is to run. What does not matter for the place that is chosen is left out of sight by the script and
 * the style sheet together; without scripts all of it is in sight, and the server passes over what does not count.
 */
export function PlaceFields({ entry, resources, typed, errorAt }: PlaceProps) {
  if (!entry.placements.some((placement) => placement !== "workspace")) return null;
  if (resources.length === 0) return <Lesson />;
  const isThere = typed?.resource === "" || resources.some((each) => each.name === typed?.resource);
  const name = isThere ? (typed?.resource ?? "") : proposedResource(entry, resources);
  const resource = resources.find((each) => each.name === name);
  const placements = resource === undefined ? [] : placementsOn(entry, resource);
  const placement = placements.length > 1 ? (typed?.placement ?? placements[0] ?? "") : (placements[0] ?? "");
  const canChoose = resources.some((each) => placementsOn(entry, each).length > 1);
  const canCompute = resources.some((each) => placementsOn(entry, each).includes("compute"));
  return (
    <>
      <RunOn entry={entry} resources={resources} chosen={name} error={errorAt("resource")} />
      {canChoose ? (
        <WhereOn
          chosen={typed?.placement ?? "compute"}
          error={errorAt("placement")}
          shown={placements.length > 1}
          note={entry.placements.includes("workspace") ? "Counts only on a cluster." : undefined}
        />
      ) : null}
      {canCompute ? (
        <SchedulerFields
          resources={resources.filter((each) => placementsOn(entry, each).includes("compute"))}
          chosen={name}
          shown={placement === "compute"}
          typed={typed?.scheduler ?? {}}
          errorAt={errorAt}
        />
      ) : null}
    </>
  );
}

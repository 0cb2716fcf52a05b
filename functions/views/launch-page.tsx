import type { Problem } from "../../contract/problem.ts";
import type { ResourceView } from "../../contract/resource.ts";
import { type CatalogueEntry, defaultOf, type Input } from "../../contract/service.ts";
import type { Inputs } from "../../contract/session.ts";
import { Command } from "./command.tsx";
import { Field, fieldName } from "./field.tsx";
import { Labelled } from "./labelled.tsx";
import { type Frame, Layout } from "./layout.tsx";
import { hasCluster, isLaunchable, placementsOn, type TypedPlace } from "./place.ts";
import { PlaceFields } from "./place-fields.tsx";
import { Remedy, sentence } from "./problem-words.tsx";
import { ADD_COMMAND } from "./resources-page.tsx";
import { ServiceIcon } from "./service-icon.tsx";
import { Missing } from "./service-list.tsx";
import { launchHref } from "./session-actions.tsx";

/** What a form begins with: what was typed, and what is wrong with it; or the place of an earlier session. */
export type Filled = { inputs: Inputs; name: string; place: TypedPlace; problem?: Problem };

type LaunchProps = {
  frame: Frame;
  entry: CatalogueEntry;
  resources: readonly ResourceView[];
  /** Makes this form one launch, however often it is sent. */
  idempotencyKey: string;
  filled?: Filled | undefined;
};

/** The values a form shows, with what is out of sight at its default: what the conditions are held against. */
function effective(form: readonly Input[], typed: Inputs): { values: Inputs; shown: ReadonlySet<string> } {
  const values: Inputs = {};
  const shown = new Set<string>();
  for (const input of form) {
    const holds =
      input.showWhen === undefined || String(values[input.showWhen.input]) === String(input.showWhen.is);
    if (holds) shown.add(input.name);
    const value = holds ? (typed[input.name] ?? defaultOf(input)) : defaultOf(input);
    if (value !== undefined) values[input.name] = value;
  }
  return { values, shown };
}

/** A message as a field shows it: the label stands above it already. */
function atField(problem: Problem, label: string | undefined): string {
  const prefixes = [`${label}: `, `${problem.field}: `];
  const prefix = prefixes.find((each) => problem.detail.startsWith(each)) ?? "";
  const text = problem.detail.slice(prefix.length);
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** What an input's field says of it. */
function atInput(input: Input, problem: Problem): string {
  const again = input.type === "password" ? " Type it once more: a password is never sent back." : "";
  return `${atField(problem, input.label ?? input.name)}${again}`;
}

function Fields({ entry, filled }: { entry: CatalogueEntry; filled: Filled | undefined }) {
  const typed = filled?.inputs ?? {};
  const { shown } = effective(entry.inputs, typed);
  return (
    <>
      {entry.inputs.map((input) => (
        <Field
          input={input}
          value={typed[input.name] ?? defaultOf(input)}
          error={filled?.problem?.field === fieldName(input) ? atInput(input, filled.problem) : undefined}
          shown={shown.has(input.name)}
          controller={entry.inputs.find((each) => each.name === input.showWhen?.input)}
        />
      ))}
    </>
  );
}

const NameField = ({ filled }: { filled: Filled | undefined }) => (
  <Labelled
    name="name"
    label="Name"
    optional
    help="What the session is called in your list."
    error={filled?.problem?.field === "name" ? filled.problem.detail : undefined}
  >
    {(attributes) => (
      <input {...attributes} type="text" maxlength={80} autocomplete="off" value={filled?.name ?? ""} />
    )}
  </Labelled>
);

/** The form's own name of the field at fault: one line of the directives is a field of the request, not of the form. */
const fieldAtFault = (problem: Problem): string =>
  (problem.field ?? "").replace(/^(scheduler\.directives)\.\d+$/, "$1");

/** Whether a field of the form shows what is wrong; else it is said above the form. */
function isShownAtField(
  entry: CatalogueEntry,
  resources: readonly ResourceView[],
  problem: Problem,
): boolean {
  const field = fieldAtFault(problem);
  if (field === "name" || entry.inputs.some((input) => fieldName(input) === field)) return true;
  const choices = resources.map((resource) => placementsOn(entry, resource));
  if (field === "placement") return choices.some((placements) => placements.length > 1);
  if (field === "resource")
    return resources.length > 0 && entry.placements.some((placement) => placement !== "workspace");
  return field.startsWith("scheduler.") && choices.some((placements) => placements.includes("compute"));
}

function Form({ entry, resources, idempotencyKey, filled }: Omit<LaunchProps, "frame">) {
  const problem = filled?.problem;
  const errorAt = (field: string): string | undefined =>
    problem !== undefined && fieldAtFault(problem) === field ? atField(problem, undefined) : undefined;
  return (
    <form class="launch" method="post" action={launchHref(entry.name)} data-launch="">
      <input type="hidden" name="key" value={idempotencyKey} autocomplete="off" />
      {problem === undefined || isShownAtField(entry, resources, problem) ? null : (
        <div class="notice" role="alert">
          <p>
            <strong>{problem.title}.</strong> {sentence(problem.detail)}
          </p>
          <Remedy problem={problem} />
        </div>
      )}
      <PlaceFields entry={entry} resources={resources} typed={filled?.place} errorAt={errorAt} />
      <Fields entry={entry} filled={filled} />
      <NameField filled={filled} />
      <div class="actions">
        <button class="button primary">Launch</button>
        <button class="button" name="open" value="1">
          Launch and open
        </button>
      </div>
    </form>
  );
}

/** The form that launches a service, made from its inputs. */
export function LaunchPage({ frame, entry, resources, idempotencyKey, filled }: LaunchProps) {
  const isHereOnly = entry.placements.includes("workspace") && !hasCluster(entry, resources);
  return (
    <Layout title={`Launch ${entry.title}`} frame={frame}>
      <div class="narrow">
        <div class="head with-icon">
          <ServiceIcon entry={entry} size={40} />
          <h1>Launch {entry.title}</h1>
        </div>
        {entry.description === "" ? null : <p class="lead">{entry.description}</p>}
        {entry.broken !== null ? (
          <div class="notice" role="alert">
            <p>
              <strong>This service cannot be used.</strong> Its folder on the workspace is not right:
            </p>
            <pre class="error">{entry.broken}</pre>
            <p>Correct the file; the catalogue follows by itself.</p>
          </div>
        ) : isLaunchable(entry, resources) ? (
          <>
            {entry.installed || !entry.placements.includes("workspace") ? null : (
              <div class="notice">
                <Missing entry={entry} />
              </div>
            )}
            {isHereOnly ? (
              <p class="facts">
                <span>
                  Runs in your workspace
                  {frame.agent.host === null ? null : (
                    <>
                      , <b>{frame.agent.host}</b>
                    </>
                  )}
                </span>
              </p>
            ) : null}
            <Form entry={entry} resources={resources} idempotencyKey={idempotencyKey} filled={filled} />
          </>
        ) : (
          <div class="notice">
            <p>
              It does not run in the workspace, and{" "}
              {resources.length === 0 ? "no cluster is there" : "none of the clusters has a scheduler"}. Add
              one on the workspace:
            </p>
            <Command text={ADD_COMMAND} />
          </div>
        )}
      </div>
    </Layout>
  );
}

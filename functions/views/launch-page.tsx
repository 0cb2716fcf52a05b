import type { Problem } from "../../contract/problem.ts";
import { type CatalogueEntry, defaultOf, type Input } from "../../contract/service.ts";
import type { Inputs } from "../../contract/session.ts";
import { Field, fieldName } from "./field.tsx";
import { type Frame, Layout } from "./layout.tsx";
import { Prose } from "./prose.tsx";
import { ServiceIcon } from "./service-icon.tsx";
import { isLaunchable, Missing } from "./service-list.tsx";
import { launchHref } from "./session-actions.tsx";

/** A form that came back: what was typed, and what is wrong with it. */
export type Refused = { inputs: Inputs; name: string; problem: Problem };

type LaunchProps = {
  frame: Frame;
  entry: CatalogueEntry;
  /** Makes this form one launch, however often it is sent. */
  idempotencyKey: string;
  refused?: Refused | undefined;
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

/** A message as the field shows it: the label stands above it already. */
const atField = (input: Input, detail: string): string => {
  const prefix = `${input.label ?? input.name}: `;
  const text = detail.startsWith(prefix) ? detail.slice(prefix.length) : detail;
  const again = input.type === "password" ? " Type it once more: a password is never sent back." : "";
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.${again}`;
};

function Fields({ entry, refused }: { entry: CatalogueEntry; refused: Refused | undefined }) {
  const typed = refused?.inputs ?? {};
  const { shown } = effective(entry.inputs, typed);
  return (
    <>
      {entry.inputs.map((input) => (
        <Field
          input={input}
          value={typed[input.name] ?? defaultOf(input)}
          error={
            refused?.problem.field === fieldName(input) ? atField(input, refused.problem.detail) : undefined
          }
          shown={shown.has(input.name)}
          controller={entry.inputs.find((each) => each.name === input.showWhen?.input)}
        />
      ))}
    </>
  );
}

function NameField({ refused }: { refused: Refused | undefined }) {
  const wrong = refused?.problem.field === "name";
  return (
    <fieldset class="field">
      <label for="name">
        Name<span class="optional"> optional</span>
      </label>
      {wrong ? (
        <p class="wrong" id="name-error" role="alert">
          {refused.problem.detail}
        </p>
      ) : null}
      <input
        id="name"
        name="name"
        type="text"
        maxlength={80}
        autocomplete="off"
        value={refused?.name ?? ""}
        aria-describedby={wrong ? "name-error name-help" : "name-help"}
        {...(wrong ? { "aria-invalid": "true", autofocus: true } : {})}
      />
      <p class="help" id="name-help">
        What the session is called in your list.
      </p>
    </fieldset>
  );
}

/** True when a field of the form shows what is wrong; else it is said above the form. */
const isShownAtField = (entry: CatalogueEntry, problem: Problem): boolean =>
  problem.field === "name" || entry.inputs.some((input) => fieldName(input) === problem.field);

function Form({ entry, idempotencyKey, refused }: Omit<LaunchProps, "frame">) {
  return (
    <form class="launch" method="post" action={launchHref(entry.name)} data-launch="">
      <input type="hidden" name="key" value={idempotencyKey} autocomplete="off" />
      {refused === undefined || isShownAtField(entry, refused.problem) ? null : (
        <div class="notice" role="alert">
          <p>
            <strong>{refused.problem.title}.</strong> {refused.problem.detail}
          </p>
          <p>
            <Prose text={refused.problem.remedy} />
          </p>
        </div>
      )}
      <Fields entry={entry} refused={refused} />
      <NameField refused={refused} />
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
export function LaunchPage({ frame, entry, idempotencyKey, refused }: LaunchProps) {
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
        ) : isLaunchable(entry) ? (
          <>
            {entry.installed ? null : (
              <div class="notice">
                <Missing entry={entry} />
              </div>
            )}
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
            <Form entry={entry} idempotencyKey={idempotencyKey} refused={refused} />
          </>
        ) : (
          <div class="notice">
            <p>This service does not run in the workspace, and no cluster is connected.</p>
          </div>
        )}
      </div>
    </Layout>
  );
}

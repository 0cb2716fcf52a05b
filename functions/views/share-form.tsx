import type { Problem } from "../../contract/problem.ts";
import type { ShareMode } from "../../contract/share.ts";
import { Labelled } from "./labelled.tsx";
import { Remedy } from "./problem-words.tsx";

/** The form as it was sent, and what was wrong with it. */
export type FilledShare = { kind: string; who: string; mode: string; hours: string; problem: Problem };

const KINDS = [
  { kind: "user", label: "One person", help: "who logs in here as themselves" },
  { kind: "group", label: "A group", help: "whoever the login service counts to it when they enter" },
] as const;

const MODES: readonly { mode: ShareMode; label: string; help: string }[] = [
  {
    mode: "view",
    label: "Look",
    help: "They read pages and files. Nothing that needs a live connection works: VS Code, desktops, terminals and the kernels of notebooks show little.",
  },
  {
    mode: "use",
    label: "Use",
    help: "They do everything in it that you can: run commands as you, and read, change and delete your files.",
  },
];

/** Hours, as the form sends them. */
const LIVES = [
  ["1", "an hour"],
  ["8", "8 hours"],
  ["24", "a day"],
  ["168", "a week"],
  ["720", "30 days"],
] as const;

const DEFAULT_HOURS = "24";

/** What is wrong, as it stands at its field: without the field's name in the request. */
function sentence(detail: string): string {
  const text = detail.replace(/^[\w.]+: /, "");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function Choice({
  name,
  legend,
  options,
  chosen,
}: {
  name: string;
  legend: string;
  options: readonly { value: string; label: string; help: string }[];
  chosen: string;
}) {
  return (
    <fieldset class="field">
      <legend>{legend}</legend>
      <div class="radios places">
        {options.map(({ value, label, help }) => (
          <label>
            <input type="radio" name={name} value={value} checked={value === chosen} />
            <span>
              {label} <small>{help}</small>
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** The form that shares a session. */
export function ShareForm({ session, filled }: { session: string; filled: FilledShare | undefined }) {
  const problem = filled?.problem;
  const atWho = problem?.field?.split(".", 1)[0] === "with" ? sentence(problem.detail) : undefined;
  return (
    <form class="launch" method="post" action={`/sessions/${session}/share`}>
      {problem === undefined || atWho !== undefined ? null : (
        <div class="notice" role="alert">
          <p>
            <strong>{problem.title}.</strong> {sentence(problem.detail)}
          </p>
          <Remedy problem={problem} />
        </div>
      )}
      <Choice
        name="kind"
        legend="With"
        options={KINDS.map(({ kind, ...rest }) => ({ value: kind, ...rest }))}
        chosen={filled?.kind === "group" ? "group" : "user"}
      />
      <Labelled
        name="who"
        label="Email, login name or group"
        help="As the login service has it. Whoever else follows the link finds nothing."
        error={atWho}
      >
        {(attributes) => (
          <input
            {...attributes}
            type="text"
            required
            maxlength={255}
            autocomplete="off"
            spellcheck={false}
            value={filled?.who ?? ""}
          />
        )}
      </Labelled>
      <Choice
        name="mode"
        legend="They may"
        options={MODES.map(({ mode, ...rest }) => ({ value: mode, ...rest }))}
        chosen={filled?.mode === "use" ? "use" : "view"}
      />
      <Labelled
        name="hours"
        label="For"
        help="At the latest it ends with the session; you can end it before."
      >
        {(attributes) => (
          <select {...attributes}>
            {LIVES.map(([hours, text]) => (
              <option value={hours} selected={hours === (filled?.hours ?? DEFAULT_HOURS)}>
                {text}
              </option>
            ))}
          </select>
        )}
      </Labelled>
      <div class="actions">
        <button class="button primary">Share</button>
      </div>
    </form>
  );
}

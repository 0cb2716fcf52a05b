import type { Role, Scope } from "../../contract/person.ts";
import { LONGEST_NAME } from "../../contract/account.ts";
import type { Problem } from "../../contract/problem.ts";
import { Labelled } from "./labelled.tsx";
import { Remedy } from "./problem-words.tsx";

/** The form as it was sent, and what was wrong with it. */
export type FilledToken = { name: string; scopes: readonly string[]; days: string; problem: Problem };

const SCOPES: readonly { scope: Scope; label: string; help: string }[] = [
  { scope: "read", label: "Look", help: "sees sessions, their logs and the clusters: for dashboards" },
  {
    scope: "launch",
    label: "Look and launch",
    help: "also launches, cancels and opens: for scripts and berth",
  },
];

/** Days, as the form sends them; empty: until it is revoked. */
const LIVES = [
  ["7", "in 7 days"],
  ["30", "in 30 days"],
  ["90", "in 90 days"],
  ["365", "in a year"],
  ["", "when it is revoked"],
] as const;

const DEFAULT_DAYS = "90";

function Scopes({
  role,
  filled,
  error,
}: {
  role: Role;
  filled: FilledToken | undefined;
  error: string | undefined;
}) {
  const chosen = filled?.scopes ?? ["launch"];
  const mayLaunch = chosen.includes("launch");
  return (
    <fieldset class="field">
      <legend>It may</legend>
      {error === undefined ? null : (
        <p class="wrong" role="alert">
          {error}
        </p>
      )}
      <div class="radios places">
        {SCOPES.map(({ scope, label, help }) => (
          <label>
            <input type="radio" name="scope" value={scope} checked={mayLaunch === (scope === "launch")} />
            <span>
              {label} <small>{help}</small>
            </span>
          </label>
        ))}
        {role === "operator" ? (
          <label>
            <input type="checkbox" name="scope" value="operator" checked={chosen.includes("operator")} />
            <span>
              Operate <small>also what operators may do, with everybody's sessions</small>
            </span>
          </label>
        ) : null}
      </div>
    </fieldset>
  );
}

/** What is wrong, as it stands at its field: without the field's name in the request. */
function sentence(detail: string): string {
  const text = detail.replace(/^\w+(?:\.\d+)?: /, "");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

type Props = { role: Role; filled: FilledToken | undefined };

/** The form that makes an API token. */
export function TokenForm({ role, filled }: Props) {
  const problem = filled?.problem;
  const at = (field: string): string | undefined =>
    problem?.field?.split(".", 1)[0] === field ? sentence(problem.detail) : undefined;
  const isAtField = ["name", "scopes", "expiresInDays"].some((field) => at(field) !== undefined);
  return (
    <form class="launch" method="post" action="/account#tokens">
      {problem === undefined || isAtField ? null : (
        <div class="notice" role="alert">
          <p>
            <strong>{problem.title}.</strong> {sentence(problem.detail)}.
          </p>
          <Remedy problem={problem} />
        </div>
      )}
      <Labelled name="name" label="Name" help="What uses it: nightly runs, my laptop." error={at("name")}>
        {(attributes) => (
          <input
            {...attributes}
            type="text"
            required
            maxlength={LONGEST_NAME}
            autocomplete="off"
            value={filled?.name ?? ""}
          />
        )}
      </Labelled>
      <Scopes role={role} filled={filled} error={at("scopes")} />
      <Labelled name="days" label="It ends" error={at("expiresInDays")}>
        {(attributes) => (
          <select {...attributes}>
            {LIVES.map(([days, text]) => (
              <option value={days} selected={days === (filled?.days ?? DEFAULT_DAYS)}>
                {text}
              </option>
            ))}
          </select>
        )}
      </Labelled>
      <div class="actions">
        <button class="button primary">Make the token</button>
      </div>
    </form>
  );
}

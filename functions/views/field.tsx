import { defaultOf, type Input } from "../../contract/service.ts";
import type { InputValue } from "../../contract/session.ts";

/** The name of an input in the form, which is also how a problem names its field. */
export const fieldName = (input: Pick<Input, "name">): string => `inputs.${input.name}`;

type FieldProps = {
  input: Input;
  /** What was typed, when the form comes back. */
  value: InputValue | undefined;
  /** What is wrong with it. */
  error: string | undefined;
  /** Whether its condition holds for the values the form shows. */
  shown: boolean;
  /** The input that it depends on. */
  controller: Input | undefined;
};

/** Up to this many options are all in sight; more of them fold into a list. */
const RADIOS = 4;

/** What every kind of control has. */
type Shared = {
  id: string;
  name: string;
  required?: boolean;
  autofocus?: boolean;
  "aria-describedby"?: string;
  "aria-invalid"?: "true";
};

function Control({ input, value, shared }: { input: Input; value: InputValue | undefined; shared: Shared }) {
  switch (input.type) {
    case "string":
      return (
        <input
          {...shared}
          type="text"
          value={String(value ?? "")}
          maxlength={input.maxLength}
          spellcheck={false}
          autocomplete="off"
          {...(input.pattern === undefined
            ? {}
            : { pattern: input.pattern, title: `Must match ${input.pattern}` })}
          {...(input.placeholder === undefined ? {} : { placeholder: input.placeholder })}
        />
      );
    case "multiline":
      // The parser drops the first line break of a text area: one more keeps a text that begins with one.
      return (
        <textarea {...shared} rows={6} maxlength={input.maxLength} spellcheck={false}>
          {`\n${String(value ?? "")}`}
        </textarea>
      );
    case "password":
      return <input {...shared} type="password" maxlength={input.maxLength} autocomplete="new-password" />;
    case "number":
      return (
        <input
          {...shared}
          type="number"
          inputmode={input.integer ? "numeric" : "decimal"}
          step={input.integer ? "1" : "any"}
          value={value === undefined ? "" : String(value)}
          {...(input.min === undefined ? {} : { min: input.min })}
          {...(input.max === undefined ? {} : { max: input.max })}
          {...(input.default === undefined ? {} : { placeholder: String(input.default) })}
        />
      );
    case "boolean":
      return <input {...shared} type="checkbox" value="true" checked={value === true || value === "true"} />;
    case "choice":
      return (
        <select {...shared}>
          {input.options.map((option) => (
            <option value={option.value} selected={option.value === String(value)}>
              {option.label ?? option.value}
            </option>
          ))}
        </select>
      );
    default:
      return input satisfies never;
  }
}

function Radios({
  input,
  value,
  shared,
}: {
  input: Extract<Input, { type: "choice" }>;
  value: InputValue | undefined;
  shared: Shared;
}) {
  const { id, autofocus, ...rest } = shared;
  return (
    <div class="radios">
      {input.options.map((option, index) => (
        <label>
          <input
            {...rest}
            {...(index === 0 ? { id, ...(autofocus === undefined ? {} : { autofocus }) } : {})}
            type="radio"
            value={option.value}
            checked={option.value === String(value)}
          />
          {option.label ?? option.value}
        </label>
      ))}
    </div>
  );
}

function limitsOf(input: Input): string | undefined {
  if (input.type !== "number") return undefined;
  const kind = input.integer ? "A whole number" : "A number";
  if (input.min !== undefined && input.max !== undefined) return `${kind} from ${input.min} to ${input.max}.`;
  if (input.min !== undefined) return `${kind}, at least ${input.min}.`;
  if (input.max !== undefined) return `${kind}, at most ${input.max}.`;
  return undefined;
}

function conditionOf(input: Input, controller: Input | undefined): string | undefined {
  if (input.showWhen === undefined) return undefined;
  const { is } = input.showWhen;
  const name = controller?.label ?? input.showWhen.input;
  if (typeof is === "boolean") return `Counts only while “${name}” is ${is ? "on" : "off"}.`;
  const option =
    controller?.type === "choice" ? controller.options.find((each) => each.value === String(is)) : undefined;
  return `Counts only while “${name}” is “${option?.label ?? String(is)}”.`;
}

/**
 * One field of a launch form: label, control, help and, after an error, what is wrong with it and the focus.
 * A field with a condition is left out of sight while it does not hold, by the script and the style sheet together;
 * without scripts it stays in sight and says when it counts. Either way the server decides.
 */
export function Field({ input, value, error, shown, controller }: FieldProps) {
  const id = `input-${input.name}`;
  const label = input.label ?? input.name;
  const required = input.required && input.type !== "boolean";
  // What has a default is never empty: to call it optional would say nothing.
  const falls = input.type === "boolean" || (defaultOf(input) ?? "") !== "";
  const condition = conditionOf(input, controller);
  const notes = [input.help, limitsOf(input)].filter((note) => note !== undefined && note !== "").join(" ");
  const described = [error === undefined ? "" : `${id}-error`, notes === "" ? "" : `${id}-help`]
    .filter(Boolean)
    .join(" ");
  const shared: Shared = {
    id,
    name: fieldName(input),
    // A condition that does not hold must not keep a form without scripts from being sent.
    ...(required && (condition === undefined || shown) ? { required: true } : {}),
    ...(described === "" ? {} : { "aria-describedby": described }),
    ...(error === undefined ? {} : { "aria-invalid": "true", autofocus: true }),
  };
  const radios = input.type === "choice" && input.options.length <= RADIOS ? input : undefined;
  return (
    <fieldset
      class="field"
      data-input={input.name}
      data-type={input.type}
      {...(input.showWhen === undefined
        ? {}
        : {
            "data-when": input.showWhen.input,
            "data-is": String(input.showWhen.is),
            ...(required ? { "data-required": "" } : {}),
            ...(shown ? {} : { "data-unmet": "" }),
          })}
      {...(defaultOf(input) === undefined ? {} : { "data-default": String(defaultOf(input)) })}
    >
      {radios === undefined ? null : <legend>{label}</legend>}
      {radios === undefined ? (
        <label for={id}>
          {label}
          {required || falls ? null : <span class="optional"> optional</span>}
        </label>
      ) : null}
      {error === undefined ? null : (
        <p class="wrong" id={`${id}-error`} role="alert">
          {error}
        </p>
      )}
      {radios === undefined ? (
        <Control input={input} value={value} shared={shared} />
      ) : (
        <Radios input={radios} value={value} shared={shared} />
      )}
      {notes === "" ? null : (
        <p class="help" id={`${id}-help`}>
          {notes}
        </p>
      )}
      {condition === undefined ? null : <p class="help unscripted">{condition}</p>}
    </fieldset>
  );
}

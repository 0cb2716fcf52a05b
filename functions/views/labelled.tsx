import type { Child } from "hono/jsx";

/** What a control says of the texts around it, and whether the focus is to be there. */
type ControlAttributes = {
  id: string;
  name: string;
  autofocus?: boolean;
  "aria-describedby"?: string;
  "aria-invalid"?: "true";
};

type LabelledProps = {
  /** The name of the field in the form, and as a problem names it. */
  name: string;
  label: string;
  /** The control's own id, where the name is none. */
  id?: string;
  optional?: boolean;
  help?: string | undefined;
  /** What is wrong with it. */
  error?: string | undefined;
  /** Further attributes of the field set. */
  attributes?: Record<string, string>;
  children: (attributes: ControlAttributes) => Child;
};

/** A field that is not a service's own: label, what is wrong, control, help. */
export function Labelled(props: LabelledProps) {
  const { name, label, id = name.replaceAll(".", "-"), optional = false, help, error, attributes } = props;
  const described = [error === undefined ? "" : `${id}-error`, help === undefined ? "" : `${id}-help`]
    .filter(Boolean)
    .join(" ");
  return (
    <fieldset class="field" {...attributes}>
      <label for={id}>
        {label}
        {optional ? <span class="optional"> optional</span> : null}
      </label>
      {error === undefined ? null : (
        <p class="wrong" id={`${id}-error`} role="alert">
          {error}
        </p>
      )}
      {props.children({
        id,
        name,
        ...(described === "" ? {} : { "aria-describedby": described }),
        ...(error === undefined ? {} : { "aria-invalid": "true", autofocus: true }),
      })}
      {help === undefined ? null : (
        <p class="help" id={`${id}-help`}>
          {help}
        </p>
      )}
    </fieldset>
  );
}

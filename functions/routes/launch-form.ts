import { BerthError, invalid } from "../../contract/problem.ts";
import type { ResourceView } from "../../contract/resource.ts";
import { type CatalogueEntry, checkInputs, type Input } from "../../contract/service.ts";
import { type Inputs, LaunchRequest } from "../../contract/session.ts";
import { fieldName } from "../views/field.tsx";
import type { TypedPlace } from "../views/place.ts";
import { placeOf, readPlace } from "./place-form.ts";

/** What a browser sent of a launch form. */
export type LaunchForm = {
  /** As typed: texts, also of numbers and booleans. */
  inputs: Inputs;
  name: string;
  place: TypedPlace;
  /** The form's own key: the same one however often it is sent. */
  key: string | undefined;
  opens: boolean;
};

const text = (form: FormData, name: string): string | undefined => {
  const value = form.get(name);
  return typeof value === "string" ? value : undefined;
};

/** One input as it was typed; undefined where its default is to count. */
function typed(input: Input, form: FormData): string | undefined {
  const value = text(form, fieldName(input));
  switch (input.type) {
    case "boolean":
      // A box that is not ticked is not sent.
      return value === undefined ? "false" : "true";
    case "multiline":
      // Forms travel with CRLF, whatever was typed (WHATWG HTML, "constructing the entry list").
      return value?.replaceAll("\r\n", "\n");
    case "number":
    case "password":
      return value === "" ? undefined : value;
    case "string":
    case "choice":
      return value;
    default:
      return input satisfies never;
  }
}

/** Reads a launch form as it was sent. */
export function readLaunchForm(inputs: readonly Input[], form: FormData): LaunchForm {
  const values: Inputs = {};
  for (const input of inputs) {
    const value = typed(input, form);
    if (value !== undefined) values[input.name] = value;
  }
  const key = text(form, "key") ?? "";
  return {
    inputs: values,
    name: text(form, "name")?.trim() ?? "",
    place: readPlace(form),
    key: /^[\w-]{8,64}$/.test(key) ? key : undefined,
    opens: text(form, "open") === "1",
  };
}

/**
 * The launch that a form asks for, held against the service's inputs and the clusters.
 * @throws BerthError `invalid_input` or `invalid_request` that names the field as the form does
 */
export function launchRequest(
  entry: CatalogueEntry,
  resources: readonly ResourceView[],
  form: LaunchForm,
): LaunchRequest {
  if (entry.broken !== null)
    throw new BerthError("invalid_request", `this service cannot be used: ${entry.broken}`);
  const request = LaunchRequest.safeParse({
    service: entry.name,
    ...placeOf(entry, resources, form.place),
    inputs: checkInputs(entry.inputs, form.inputs),
    ...(form.name === "" ? {} : { name: form.name }),
  });
  if (!request.success) throw invalid("invalid_request", request.error);
  return request.data;
}

import { z } from "zod";
import { BerthError } from "./problem.ts";
import type { Inputs, InputValue } from "./session.ts";
import { Placement } from "./session.ts";

const name = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, "must be a shell variable name");
const text = z.string().max(4096);

const shared = {
  name,
  label: text.optional(),
  help: text.optional(),
  required: z.boolean().default(false),
  /** Shown only while the named input has this value; a hidden input takes its default. */
  showWhen: z.object({ input: name, is: z.union([z.string(), z.number(), z.boolean()]) }).optional(),
};

/** One field of a service's form. Limits: lengths in characters, numbers inclusive. */
export const Input = z.discriminatedUnion("type", [
  z.strictObject({
    ...shared,
    type: z.literal("string"),
    default: text.default(""),
    maxLength: z.int().positive().max(1_048_576).default(4096),
    pattern: text.optional(),
    placeholder: text.optional(),
  }),
  z.strictObject({
    ...shared,
    type: z.literal("multiline"),
    default: text.default(""),
    maxLength: z.int().positive().max(1_048_576).default(1_048_576),
  }),
  z.strictObject({
    ...shared,
    type: z.literal("password"),
    maxLength: z.int().positive().max(4096).default(1024),
  }),
  z.strictObject({
    ...shared,
    type: z.literal("number"),
    default: z.number().optional(),
    min: z.number().optional(),
    max: z.number().optional(),
    integer: z.boolean().default(false),
  }),
  z.strictObject({ ...shared, type: z.literal("boolean"), default: z.boolean().default(false) }),
  z.strictObject({
    ...shared,
    type: z.literal("choice"),
    options: z
      .array(z.strictObject({ value: text, label: text.optional() }))
      .min(1)
      .max(500),
    default: text.optional(),
  }),
]);
export type Input = z.infer<typeof Input>;

/** When a session counts as running: the path answers with a status below `below`, within `timeout` seconds. */
export const Readiness = z.strictObject({
  path: z.string().startsWith("/").optional(),
  below: z.int().min(200).max(600).default(500),
  timeout: z.int().positive().max(86_400).default(300),
});
export type Readiness = z.infer<typeof Readiness>;

/** One thing that must be on the host: a program on PATH, or any of several; `install` is the command that brings it. */
export const Requirement = z.strictObject({
  anyOf: z.array(z.string().min(1)).min(1),
  install: z.string().min(1),
});
export type Requirement = z.infer<typeof Requirement>;

/** `service.yaml`. Everything is optional: a folder with only a start script gets these defaults. */
export const ServiceDefinition = z.strictObject({
  title: text.optional(),
  description: text.default(""),
  /** The name of a file in the service's folder (SVG). */
  icon: z
    .string()
    .regex(/^[\w.-]+\.svg$/)
    .optional(),
  placements: z.array(Placement).min(1).default(["workspace", "controller", "compute"]),
  /** The end of the URL, as `SLUG` in service.json. */
  slug: text.default(""),
  url: z.enum(["/me", "/sme"]).default("/me"),
  /** True: the service sees `/tree`, not `/me/51458/tree`. */
  stripPrefix: z.boolean().default(true),
  /** On a cluster it listens on the unix socket `$service_socket`, which only its user can reach, instead of a port. */
  socket: z.boolean().default(false),
  readiness: Readiness.default({ below: 500, timeout: 300 }),
  requires: z.array(Requirement).default([]),
  inputs: z
    .array(Input)
    .max(64)
    .default([])
    .refine(
      (inputs) => new Set(inputs.map((input) => input.name)).size === inputs.length,
      "input names must differ",
    ),
});
export type ServiceDefinition = z.infer<typeof ServiceDefinition>;

/** One entry of the catalogue: a service as the agent found it on the workspace. */
export const CatalogueEntry = z.object({
  name: z.string(),
  title: z.string(),
  description: z.string(),
  /** The icon's SVG source, to be shown only through `<img>`. Null: a letter stands in. */
  icon: z.string().max(65_536).nullable(),
  placements: z.array(Placement),
  inputs: z.array(Input),
  /** Whether what it needs is on the workspace; `missing` names the programs, `install` the commands that bring them. */
  installed: z.boolean(),
  missing: z.array(z.string()),
  install: z.array(z.string()),
  /** Set when the folder cannot be used: what is wrong with it. Such a service is listed and cannot be launched. */
  broken: z.string().nullable(),
});
export type CatalogueEntry = z.infer<typeof CatalogueEntry>;

const bad = (input: Input, what: string): BerthError =>
  new BerthError("invalid_input", `${input.label ?? input.name}: ${what}`, { field: `inputs.${input.name}` });

const isShown = (input: Input, values: Inputs): boolean =>
  input.showWhen === undefined || values[input.showWhen.input] === input.showWhen.is;

function checkText(input: Extract<Input, { maxLength: number }>, value: InputValue): string {
  if (typeof value !== "string") throw bad(input, "must be text");
  if (value.length > input.maxLength)
    throw bad(input, `must be at most ${input.maxLength} characters long; it has ${value.length}`);
  if (value.includes("\0")) throw bad(input, "must not hold a NUL character");
  if (input.type !== "multiline" && input.required && value === "") throw bad(input, "must be filled in");
  return value;
}

function checkNumber(input: Extract<Input, { type: "number" }>, value: InputValue): number {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isFinite(number)) throw bad(input, "must be a number");
  if (input.integer && !Number.isInteger(number)) throw bad(input, "must be a whole number");
  if (input.min !== undefined && number < input.min) throw bad(input, `must be at least ${input.min}`);
  if (input.max !== undefined && number > input.max) throw bad(input, `must be at most ${input.max}`);
  return number;
}

function checkBoolean(input: Input, value: InputValue): boolean {
  if (typeof value === "boolean") return value;
  if (value === "true" || value === "false") return value === "true";
  throw bad(input, "must be true or false");
}

function checkChoice(input: Extract<Input, { type: "choice" }>, value: InputValue): string {
  const chosen = input.options.find((option) => option.value === String(value));
  if (chosen === undefined)
    throw bad(input, `must be one of ${input.options.map((option) => option.value).join(", ")}`);
  return chosen.value;
}

function check(input: Input, value: InputValue): InputValue {
  switch (input.type) {
    case "string":
    case "multiline":
    case "password":
      return checkText(input, value);
    case "number":
      return checkNumber(input, value);
    case "boolean":
      return checkBoolean(input, value);
    case "choice":
      return checkChoice(input, value);
    default:
      return input satisfies never;
  }
}

/** An input's value when none is given; undefined where there is none to fall back on. */
export function defaultOf(input: Input): InputValue | undefined {
  if (input.type === "password") return undefined;
  if (input.type === "choice") return input.default ?? input.options[0]?.value;
  return input.default;
}

/**
 * Holds text against the patterns of its form. It is for the workspace alone: a pattern may be one that takes for ever, and
 * whoever wrote it waits for it there by themselves.
 * @throws BerthError `invalid_input`, naming the field as `inputs.<name>`
 */
export function checkPatterns(form: readonly Input[], values: Inputs): void {
  for (const input of form) {
    if (input.type !== "string" || input.pattern === undefined) continue;
    const value = values[input.name] ?? "";
    if (value !== "" && !new RegExp(`^(?:${input.pattern})$`, "u").test(String(value)))
      throw bad(input, `must match ${input.pattern}`);
  }
}

/**
 * Holds a launch's inputs against the form, but for its patterns: unknown names are refused, missing ones take their default, each value
 * is checked against its limits. Text forms of numbers and booleans, as an HTML form sends them, are accepted.
 * @throws BerthError `invalid_input`, naming the field as `inputs.<name>`
 */
export function checkInputs(form: readonly Input[], given: Inputs): Inputs {
  const unknown = Object.keys(given).find((key) => !form.some((input) => input.name === key));
  if (unknown !== undefined) {
    throw new BerthError("invalid_input", `${unknown}: this service has no such input`, {
      field: `inputs.${unknown}`,
    });
  }
  const values: Inputs = {};
  for (const input of form) {
    const value = isShown(input, values) ? (given[input.name] ?? defaultOf(input)) : defaultOf(input);
    if (value !== undefined) values[input.name] = check(input, value);
    else if (input.required && isShown(input, values)) throw bad(input, "must be filled in");
  }
  return values;
}

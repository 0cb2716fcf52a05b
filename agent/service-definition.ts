import { isNode, LineCounter, parseDocument } from "yaml";
import { BerthError } from "../contract/problem.ts";
import { checkInputs, checkPatterns, ServiceDefinition } from "../contract/service.ts";

/** The file of a service's folder that describes it. */
export const DEFINITION_FILE = "service.yaml";

/** A `service.yaml` that cannot be used; the message names the file, the line and what is wrong. */
export class BrokenDefinition extends Error {
  override readonly name = "BrokenDefinition";
}

type Fault = { path: readonly PropertyKey[]; reason: string };

/** What the schema cannot see: a pattern that is none, a condition on no input, a default beyond its own limits. */
function findFault({ inputs }: ServiceDefinition): Fault | undefined {
  for (const [index, input] of inputs.entries()) {
    const { showWhen, ...alone } = input;
    if (showWhen !== undefined && !inputs.slice(0, index).some(({ name }) => name === showWhen.input))
      return { path: ["inputs", index, "showWhen"], reason: `no input "${showWhen.input}" stands before it` };
    try {
      if (input.type === "string" && input.pattern !== undefined)
        new RegExp(`^(?:${input.pattern})$`, "u").test("");
      checkPatterns([alone], checkInputs([{ ...alone, required: false }], {}));
    } catch (error) {
      if (error instanceof SyntaxError) return { path: ["inputs", index, "pattern"], reason: error.message };
      if (error instanceof BerthError) return { path: ["inputs", index, "default"], reason: error.message };
      throw error;
    }
  }
  return undefined;
}

/**
 * Reads the text of a `service.yaml`; an empty one gets the defaults.
 * @throws BrokenDefinition
 */
export function parseDefinition(text: string): ServiceDefinition {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const broken = (offset: number | undefined, reason: string): BrokenDefinition => {
    const line = offset === undefined ? "" : `:${lineCounter.linePos(offset).line}`;
    return new BrokenDefinition(`${DEFINITION_FILE}${line}: ${reason}`);
  };
  const [error] = document.errors;
  if (error !== undefined) throw broken(error.pos[0], error.message);

  /** A key that is missing has no place of its own: the nearest node above it has. */
  const brokenAt = ({ path, reason }: Fault): BrokenDefinition => {
    const upwards = [...path.keys(), path.length].toReversed().map((length) => path.slice(0, length));
    const nodes = upwards.map((end): unknown => document.getIn(end, true));
    const offset = nodes.find((node) => isNode(node))?.range?.[0];
    return broken(offset, path.length === 0 ? reason : `${path.map(String).join(".")}: ${reason}`);
  };
  const parsed = ServiceDefinition.safeParse(toPlain(document, broken) ?? {});
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const key = issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
    throw brokenAt({ path: [...(issue?.path ?? []), ...key], reason: issue?.message ?? "is not valid" });
  }
  const fault = findFault(parsed.data);
  if (fault !== undefined) throw brokenAt(fault);
  return parsed.data;
}

function toPlain(
  document: ReturnType<typeof parseDocument>,
  broken: (offset: undefined, reason: string) => BrokenDefinition,
): unknown {
  try {
    return document.toJS();
  } catch (error) {
    // An alias to nothing, or so many that they were made to exhaust the memory.
    throw broken(undefined, error instanceof Error ? error.message : String(error));
  }
}

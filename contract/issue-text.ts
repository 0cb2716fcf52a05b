import type { z } from "zod";

/** What is counted of a value that is no number: one, several. */
const COUNTED: Record<string, readonly [string, string]> = {
  string: ["character", "characters"],
  array: ["entry", "entries"],
};

/** `have at most 80 characters`, `be at least 1`. */
function bounded(word: string, limit: number | bigint, origin: string): string {
  const [one, several] = COUNTED[origin] ?? [];
  if (one === undefined) return `must be ${word} ${limit}`;
  return `must have ${word} ${limit} ${Number(limit) === 1 ? one : several}`;
}

/** What zod says of itself, where a schema has no words of its own. */
const OWN_WORDS = /^(?:Too big|Too small|Invalid input|Invalid option|Unrecognized key)/;

/** What is wrong with a value, to follow its name: for people, who know nothing of schemas. */
export function issueText(issue: z.core.$ZodIssue): string {
  if (!OWN_WORDS.test(issue.message)) return issue.message;
  switch (issue.code) {
    case "too_big":
      return bounded("at most", issue.maximum, issue.origin);
    case "too_small":
      return issue.origin === "string" && issue.minimum === 1
        ? "must not be empty"
        : bounded("at least", issue.minimum, issue.origin);
    case "invalid_type":
      return issue.message.endsWith("received undefined")
        ? "is missing"
        : `must be of the type ${issue.expected}`;
    case "invalid_value":
      return `must be ${issue.values.length === 1 ? "" : "one of "}${issue.values.map(String).join(", ")}`;
    case "unrecognized_keys":
      return "is no field that is known here";
    default:
      return issue.message;
  }
}

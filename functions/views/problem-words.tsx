import type { Problem, ProblemCode } from "../../contract/problem.ts";
import { Prose } from "./prose.tsx";

/** A problem's detail as a sentence of its own. */
export function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

/** What helps in a browser, where a problem's own remedy speaks of the command line or of headers. */
const HERE: Partial<Record<ProblemCode, string>> = {
  invalid_request: "Correct it and try again.",
  not_found: "Its address may be mistyped, or what was there has ended.",
  too_many_requests: "Try again in a moment.",
  unknown_session: "Its address may be mistyped, or it ended so long ago that Berth has forgotten it.",
  unknown_service: "Its name may be mistyped, or it was taken out of the catalogue.",
  unknown_resource: "Its name may be mistyped, or it was taken out of the workspace's resources.",
};

/** What to do about a problem, for whoever looks at a page. */
export const Remedy = ({ problem }: { problem: Problem }) => (
  <p>
    <Prose text={HERE[problem.code] ?? problem.remedy} />
  </p>
);

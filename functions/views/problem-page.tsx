import type { Problem, ProblemCode } from "../../contract/problem.ts";
import { messagePage } from "./message-page.tsx";
import { Prose } from "./prose.tsx";

/** Where in the console the remedy is, by the code. Others lead to its first page. */
const WAYS: Partial<Record<ProblemCode, { href: string; text: string } | null>> = {
  unknown_service: { href: "/services", text: "See all services" },
  unknown_resource: { href: "/resources", text: "See all resources" },
  // Nobody is let in by a link: the way in is printed on the workspace.
  unauthorized: null,
  misdirected_host: null,
};

/** What helps in a browser, where the error's own remedy speaks of the command line. */
const REMEDIES: Partial<Record<ProblemCode, string>> = {
  not_found: "Its address may be mistyped, or what was there has ended.",
  unknown_session: "Its address may be mistyped, or it ended so long ago that Berth has forgotten it.",
  unknown_service: "Its name may be mistyped, or it was taken out of the catalogue.",
  unknown_resource: "Its name may be mistyped, or it was taken out of the workspace's resources.",
};

/**
 * An error as a person reads it: what happened, and what to do about it.
 * @param consoleUrl where the console is, when the page is shown on another host
 */
export function problemPage(problem: Problem, consoleUrl = "") {
  const way = WAYS[problem.code];
  const { href, text } = way ?? { href: "/", text: "Go to the sessions" };
  const sentence = problem.detail.charAt(0).toUpperCase() + problem.detail.slice(1);
  return messagePage({
    title: problem.title,
    consoleUrl: way === null ? undefined : consoleUrl,
    children: (
      <>
        <p>{/[.!?]$/.test(sentence) ? sentence : `${sentence}.`}</p>
        <p>
          <Prose text={REMEDIES[problem.code] ?? problem.remedy} />
        </p>
        <p class="help">
          <code>{problem.code}</code>, {problem.status}
        </p>
      </>
    ),
    actions:
      way === null ? undefined : (
        <a class="button primary" href={`${consoleUrl}${href}`}>
          {text}
        </a>
      ),
  });
}

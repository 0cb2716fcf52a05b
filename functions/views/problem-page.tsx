import type { Problem, ProblemCode } from "../../contract/problem.ts";
import { messagePage } from "./message-page.tsx";
import { Remedy, sentence } from "./problem-words.tsx";

/** Where in the console the remedy is, by the code. Others lead to its first page. */
const WAYS: Partial<Record<ProblemCode, { href: string; text: string } | null>> = {
  unknown_service: { href: "/services", text: "See all services" },
  unknown_resource: { href: "/resources", text: "See all resources" },
  // Nobody is let in by a link: the way in is printed on the workspace.
  unauthorized: null,
  misdirected_host: null,
};

/**
 * An error as a person reads it: what happened, and what to do about it.
 * @param consoleUrl where the console is, when the page is shown on another host
 */
export function problemPage(problem: Problem, consoleUrl = "") {
  const way = WAYS[problem.code];
  const { href, text } = way ?? { href: "/", text: "Go to the sessions" };
  return messagePage({
    title: problem.title,
    consoleUrl: way === null ? undefined : consoleUrl,
    children: (
      <>
        <p>{sentence(problem.detail)}</p>
        <Remedy problem={problem} />
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

import { isEnded, SESSION_STATES } from "../../contract/session.ts";

/** What a list of sessions is narrowed to; empty for everything. */
export type SessionFilter = { q: string; state: string; user: string };

type Which = "live" | "ended";

const LISTS = {
  live: { href: "/operator/sessions", text: "Live ones" },
  ended: { href: "/operator/sessions/ended", text: "Ended ones" },
} as const satisfies Record<Which, { href: string; text: string }>;

/** True when some sessions may not be shown for it. */
export const isNarrowed = (filter: SessionFilter): boolean =>
  Object.values(filter).some((value) => value !== "");

/** The form above a list of sessions that narrows it. */
export const SessionFilters = ({ of, filter }: { of: Which; filter: SessionFilter }) => (
  <form class="filters" role="search" method="get" action={LISTS[of].href}>
    <label>
      Search
      <input
        type="search"
        name="q"
        value={filter.q}
        maxlength={200}
        aria-keyshortcuts="/"
        autocomplete="off"
      />
    </label>
    <label>
      State
      <select name="state">
        <option value="">any</option>
        {SESSION_STATES.filter((state) => isEnded(state) === (of === "ended")).map((state) => (
          <option value={state} selected={state === filter.state}>
            {state}
          </option>
        ))}
      </select>
    </label>
    {filter.user === "" ? null : <input type="hidden" name="user" value={filter.user} />}
    <button class="button">Show</button>
    {isNarrowed(filter) ? <a href={LISTS[of].href}>Show everybody's</a> : null}
  </form>
);

/** The way from the live sessions to the ended ones, or back, of the same user and by the same words. */
export function OtherSessions({ of, filter }: { of: Which; filter: SessionFilter }) {
  const { href, text } = LISTS[of === "live" ? "ended" : "live"];
  const { q, user } = filter;
  const query = new URLSearchParams(Object.entries({ q, user }).filter(([, value]) => value !== ""));
  return (
    <a class="button" href={query.size === 0 ? href : `${href}?${query.toString()}`}>
      {text}
    </a>
  );
}

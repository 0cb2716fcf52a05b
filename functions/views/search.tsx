type SearchProps = { action: string; fragment: string; target: string; label: string; query: string };

/** A search of the page: a form that is sent with Enter, and where scripts run one that follows the typing. */
export const Search = ({ action, fragment, target, label, query }: SearchProps) => (
  <form class="search" role="search" method="get" action={action}>
    <input
      type="search"
      name="q"
      value={query}
      maxlength={200}
      placeholder="Search"
      aria-label={label}
      aria-keyshortcuts="/"
      autocomplete="off"
      hx-get={fragment}
      hx-trigger="input changed delay:120ms"
      hx-target={target}
      hx-select={target}
      hx-swap="outerMorph"
      hx-sync="replace"
    />
    <kbd aria-hidden="true">/</kbd>
  </form>
);

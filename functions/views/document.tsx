import type { Child } from "hono/jsx";
import { asset, type AssetName } from "../asset-files.ts";

/** htmx in a page without inline styles and scripts; an answer that is an error never replaces what stands there. */
const HTMX = JSON.stringify({
  includeIndicatorCSS: false,
  history: false,
  noSwap: [204, 304, "4xx", "5xx"],
  defaultSwap: "outerMorph",
});

/** Berth's mark: a ship's anchor. */
const Mark = () => (
  <svg class="mark" viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
    <path
      d="M16 10v17M10.5 15h11M5 19c.8 5.3 5.3 8.5 11 8.5S26.2 24.3 27 19M16 10a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4z"
      fill="none"
      stroke="currentColor"
      stroke-width="2.6"
      stroke-linecap="round"
      stroke-linejoin="round"
    />
  </svg>
);

/** The name, as it stands at the top of every page. */
export const Brand = () => (
  <>
    <Mark />
    Berth
  </>
);

type DocumentProps = {
  /** What the browser's tab says before the name. */
  title: string;
  /** `htmx.js` before what extends it. */
  scripts: readonly Extract<AssetName, "console.js" | "htmx.js" | "session.js">[];
  /** Seconds after which a page whose content changes comes anew where no script runs. */
  refresh?: number | undefined;
  children: Child;
};

/** A page of Berth's own. Nothing in it is inline: a policy of `default-src 'self'` lets all of it run. */
export const Document = ({ title, scripts, refresh, children }: DocumentProps) => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <meta name="htmx-config" content={HTMX} />
      <title>{title} · Berth</title>
      <link rel="icon" type="image/svg+xml" href={asset("favicon.svg")} />
      <link rel="stylesheet" href={asset("berth.css")} />
      {scripts.map((name) =>
        name === "htmx.js" ? <script defer src={asset(name)} /> : <script type="module" src={asset(name)} />,
      )}
      {refresh === undefined ? null : (
        <noscript>
          <meta http-equiv="refresh" content={String(refresh)} />
        </noscript>
      )}
    </head>
    <body>{children}</body>
  </html>
);

import type { Child } from "hono/jsx";
import { Brand, Document } from "./document.tsx";

type MessageProps = {
  title: string;
  /** What stands above the title: a state, or the name of a session. */
  above?: Child;
  children: Child;
  /** Links and buttons; the first is what most readers want. */
  actions?: Child;
  /** Where the console is (its origin, empty on its own host); the name at the top leads there. None: not known. */
  consoleUrl?: string | undefined;
  /** Seconds after which the page comes anew by itself. */
  retry?: number | undefined;
  /** An event stream that says when the page has to change. */
  streamUrl?: string | undefined;
  /** The session's state, for the style sheet to show the right one. */
  state?: string | undefined;
};

/** Seconds between two looks of a page that waits, where no script runs. */
const LOOK_AGAIN = 2;

/** One message on a page of its own: what happened, why, and what to do. It stands alone, on either host. */
export function messagePage({
  title,
  above,
  children,
  actions,
  consoleUrl,
  retry,
  streamUrl,
  state,
}: MessageProps) {
  const refresh = streamUrl === undefined ? retry : LOOK_AGAIN;
  const attributes = {
    ...(retry === undefined ? {} : { "data-retry": retry }),
    ...(streamUrl === undefined ? {} : { "data-stream": streamUrl }),
    ...(state === undefined ? {} : { "data-state": state }),
  };
  return (
    <Document title={title} scripts={["session.js"]} refresh={refresh}>
      <main class="message" {...attributes}>
        {consoleUrl === undefined ? (
          <p class="brand">
            <Brand />
          </p>
        ) : (
          <a class="brand" href={`${consoleUrl}/`}>
            <Brand />
          </a>
        )}
        <div class="paper">
          {above === undefined ? null : <p class="facts">{above}</p>}
          <h1>{title}</h1>
          {children}
          {actions === undefined ? null : <div class="actions">{actions}</div>}
        </div>
      </main>
    </Document>
  );
}

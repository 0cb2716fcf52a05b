import { isEnded, type Session } from "../../contract/session.ts";
import { Cancel, type CancelBack } from "./cancel.tsx";

/** Where a service's launch form is. */
export const launchHref = (service: string): string => `/launch/${encodeURIComponent(service)}`;

/** The launch form as it was for a session: its place and its name are filled in. */
export const againHref = ({ service, id }: Session): string => `${launchHref(service)}?again=${id}`;

/** Opens the application, or the page that waits for it, in a tab of its own that knows nothing of the console. */
function Open({ session }: { session: Session }) {
  if (session.url === null) return null;
  const running = session.state === "running" && session.reachable && !session.canceling;
  return (
    <a
      class={running ? "button primary" : "button"}
      href={session.url}
      target="_blank"
      rel="noopener"
      aria-label={`${running ? "Open" : "View"} ${session.name} in a new tab`}
    >
      {running ? "Open" : "View"}
      <span aria-hidden="true"> ↗</span>
    </a>
  );
}

/** What can be done with a session now: get in, end it, or have another. */
export function SessionActions({ session, back }: { session: Session; back: CancelBack }) {
  if (isEnded(session.state)) {
    return (
      <div class="actions">
        {back === "list" && session.state === "failed" ? (
          <a class="button" href={`/sessions/${session.id}`} aria-label={`Why? ${session.name} failed`}>
            Why?
          </a>
        ) : null}
        <a
          class={back === "list" ? "button quiet" : "button primary"}
          href={againHref(session)}
          aria-label={`Launch again: ${session.name}`}
        >
          Launch again
        </a>
      </div>
    );
  }
  return (
    <div class="actions">
      <Open session={session} />
      {back === "session" && !session.canceling ? (
        <a class="button quiet" href={`/sessions/${session.id}/share`} aria-label={`Share ${session.name}`}>
          Share
        </a>
      ) : null}
      {session.canceling ? null : <Cancel session={session} back={back} />}
    </div>
  );
}

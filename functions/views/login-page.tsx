import { Command } from "./command.tsx";
import { messagePage } from "./message-page.tsx";
import { sentence } from "./problem-words.tsx";

/**
 * Nobody is logged in, or a login failed: why, and how to get in.
 * @param options.href where a login begins; null on one's own machine, where the workspace prints a link
 */
export function loginPage(options: { href: string | null; detail: string }) {
  const { href, detail } = options;
  return messagePage({
    title: "Log in to Berth",
    children:
      href === null ? (
        <>
          <p>Run this on the workspace and follow the link that it prints:</p>
          <Command text="berth open" />
          <p class="help">The link works once. This browser then stays logged in.</p>
        </>
      ) : (
        <>
          <p>{sentence(detail)}</p>
          <p class="help">
            Berth opens notebooks, editors, shells and desktops on clusters in this browser. You log in with
            the account of your organization, and come back to this page.
          </p>
        </>
      ),
    actions:
      href === null ? undefined : (
        <a class="button primary" href={href}>
          Log in
        </a>
      ),
  });
}

/** Somebody is who they say, and still may not come in. */
export function notAdmittedPage(options: { title: string; href: string; detail: string; remedy: string }) {
  return messagePage({
    title: options.title,
    children: (
      <>
        <p>{sentence(options.detail)}</p>
        <p>{options.remedy}</p>
      </>
    ),
    actions: (
      <a class="button primary" href={options.href}>
        Log in as somebody else
      </a>
    ),
  });
}

/**
 * Logged out here; the page goes on to the provider by itself (its `Refresh` header).
 * @param href the provider's logout; null when it could not be asked for it
 */
export function loggedOutPage(href: string | null) {
  return messagePage({
    title: "Logged out of Berth",
    children:
      href === null ? (
        <p>
          Your identity provider could not be asked. It may still know this browser: log out there, too, where
          others use this browser.
        </p>
      ) : (
        <p>This page goes on to your identity provider, to log out there, too.</p>
      ),
    actions:
      href === null ? (
        <a class="button primary" href="/">
          Log in again
        </a>
      ) : (
        <a class="button primary" href={href}>
          Go on
        </a>
      ),
  });
}

import type { Child } from "hono/jsx";
import type { Mismatch } from "../../contract/agent-status.ts";
import type { AgentStatus } from "../workspace/api.ts";
import { Command } from "./command.tsx";
import { Brand, Document } from "./document.tsx";

/** The places of the top bar. */
export type Place = "sessions" | "services" | "resources" | "notifications" | "operator";

/** What every page of the console shows around its content. */
export type Frame = {
  /** Where the reader is; null on a page that belongs to none of them. */
  place: Place | null;
  agent: AgentStatus;
  /** Notifications since the reader last looked behind the bell. */
  unread: number;
  /** Who is logged in; null on one's own machine, where nobody logs in by name. */
  name: string | null;
  /** The reader is an operator, and finds the way to the pages for operators. */
  operator: boolean;
};

const LINKS = [
  { place: "sessions", href: "/", text: "Sessions" },
  { place: "services", href: "/services", text: "Services" },
  { place: "resources", href: "/resources", text: "Resources" },
] as const;
const OPERATOR_LINK = { place: "operator", href: "/operator", text: "Operator" } as const;

const KEYS = [
  ["/", "Search this page"],
  ["n", "Launch an application"],
  ["g s", "Go to the sessions"],
  ["?", "Show these keys"],
] as const;

const current = (here: boolean) => (here ? ({ "aria-current": "page" } as const) : {});

function Bell({ unread, here }: { unread: number; here: boolean }) {
  const label = unread === 0 ? "Notifications" : `Notifications, ${unread} new`;
  return (
    <a class="bell" href="/notifications" aria-label={label} title={label} {...current(here)}>
      <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
        <path
          d="M10 2.8a4.7 4.7 0 0 0-4.7 4.7c0 4.6-1.8 6.2-1.8 6.2h13s-1.8-1.6-1.8-6.2A4.7 4.7 0 0 0 10 2.8zM8.3 16.5a1.9 1.9 0 0 0 3.4 0"
          fill="none"
          stroke="currentColor"
          stroke-width="1.5"
          stroke-linecap="round"
          stroke-linejoin="round"
        />
      </svg>
      {unread === 0 ? null : <span class="count">{unread > 99 ? "99+" : unread}</span>}
    </a>
  );
}

/** Who the reader is: by name, or on their own machine by its user and host. */
const readerName = ({ name, agent }: Pick<Frame, "name" | "agent">): string =>
  name ?? [agent.user ?? "Account", agent.host].filter((part) => part !== null).join("@");

function Account({ name, agent, operator }: Pick<Frame, "name" | "agent" | "operator">) {
  return (
    <div class="account">
      <button type="button" class="user" popovertarget="account">
        <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
          <path
            d="M10 3a3.4 3.4 0 1 1 0 6.8A3.4 3.4 0 0 1 10 3zM3.6 17c.5-3 3-4.8 6.4-4.8s5.9 1.8 6.4 4.8"
            fill="none"
            stroke="currentColor"
            stroke-width="1.5"
            stroke-linecap="round"
          />
        </svg>
        {readerName({ name, agent })}
      </button>
      <div id="account" class="ask" popover="auto" role="dialog" aria-label="Account">
        <p>
          <strong>{readerName({ name, agent })}</strong>
        </p>
        <p>
          {agent.online ? "The workspace is connected." : "The workspace is not connected."}
          {agent.version === null ? null : ` Its agent has version ${agent.version}.`}
        </p>
        <form method="post" action="/logout">
          <a class="button" href="/account">
            Account
          </a>
          {operator ? (
            <a class="button" href="/operator">
              Operator
            </a>
          ) : null}
          <button class="button">Log out</button>
        </form>
      </div>
    </div>
  );
}

/** Agent and edge speak different protocols: what to upgrade. */
const MismatchBanner = ({ mismatch }: { mismatch: Mismatch }) => (
  <div class="banner" role="status">
    <p>
      <strong>The workspace's agent was refused.</strong> Agent version {mismatch.version ?? "unknown"} speaks
      protocol {mismatch.protocol}, this edge {mismatch.edgeProtocol}:{" "}
      {mismatch.upgrade === "agent"
        ? "upgrade Berth on the workspace, then start its agent again. Sessions go on meanwhile."
        : "the edge is the older. Ask its operator to upgrade it. Sessions go on meanwhile."}
    </p>
    {mismatch.upgrade === "agent" ? <Command text="berth up" /> : null}
  </div>
);

function AgentBanner({ name, agent }: Pick<Frame, "name" | "agent">) {
  if (agent.online) return null;
  if (agent.mismatch !== null) return <MismatchBanner mismatch={agent.mismatch} />;
  if (agent.host === null && name !== null)
    return (
      <div class="banner" role="status">
        <p>
          <strong>No workspace is connected yet.</strong> Applications run on a machine of yours:{" "}
          <a href="/join">connect one</a>.
        </p>
      </div>
    );
  return (
    <div class="banner" role="status">
      {agent.host === null ? (
        <p>
          <strong>No workspace is connected yet.</strong> Applications run on it, started by Berth's agent.
          Start the agent there:
        </p>
      ) : (
        <p>
          <strong>The workspace {agent.host} is not connected.</strong> Its sessions go on; what you see is
          the last that was known of them. Start its agent there:
        </p>
      )}
      <Command text="berth up" />
    </div>
  );
}

/** The top bar and, when the agent is away, what to do about it. Also a fragment: it fetches itself anew. */
export const Top = ({
  place,
  agent,
  unread,
  name,
  operator,
  isBare = false,
}: Frame & { isBare?: boolean }) => (
  <header
    id="top"
    hx-get={`/fragments/top?place=${place ?? ""}${isBare ? "&bare=1" : ""}`}
    hx-trigger="berth:agent from:body throttle:250ms, berth:notification from:body throttle:250ms, berth:opened from:body"
    hx-swap="outerMorph"
  >
    <div class="bar">
      <a class="brand" href="/">
        <Brand />
      </a>
      <nav aria-label="Console">
        {[...LINKS, ...(operator ? [OPERATOR_LINK] : [])].map((link) => (
          <a href={link.href} {...current(link.place === place)}>
            {link.text}
          </a>
        ))}
      </nav>
      <Bell unread={unread} here={place === "notifications"} />
      <Account name={name} agent={agent} operator={operator} />
    </div>
    {isBare ? null : <AgentBanner name={name} agent={agent} />}
  </header>
);

const Keys = () => (
  <dialog id="keys" aria-labelledby="keys-title">
    <h2 id="keys-title">Keys</h2>
    <dl>
      {KEYS.map(([key, does]) => (
        <div>
          <dt>
            {key.split(" ").map((stroke) => (
              <kbd>{stroke}</kbd>
            ))}
          </dt>
          <dd>{does}</dd>
        </div>
      ))}
    </dl>
    <form method="dialog">
      <button class="button">Close</button>
    </form>
  </dialog>
);

type LayoutProps = {
  title: string;
  frame: Frame;
  refresh?: number | undefined;
  /** The page is itself about the agent: what the banner would say stands there. */
  isAboutAgent?: boolean;
  children: Child;
};

/** A page of the console. */
export const Layout = ({ title, frame, refresh, isAboutAgent = false, children }: LayoutProps) => (
  <Document title={title} scripts={["htmx.js", "console.js"]} refresh={refresh}>
    <a class="skip" href="#content">
      Skip to the content
    </a>
    <Top {...frame} isBare={isAboutAgent} />
    <div id="lost" class="banner" role="status" hidden>
      <p>
        <strong>This page lost its connection to Berth.</strong> It tries again by itself; until then it shows
        what was.
      </p>
    </div>
    <div id="out" class="banner" role="status" hidden>
      <p>
        <strong>You are logged out.</strong> What you have typed here is lost when you{" "}
        <a href="">log in again</a>.
      </p>
    </div>
    <main id="content">{children}</main>
    <div id="news" class="unseen" role="status" />
    <Keys />
  </Document>
);

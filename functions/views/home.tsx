import type { ResourceView } from "../../contract/resource.ts";
import type { CatalogueEntry } from "../../contract/service.ts";
import type { Session } from "../../contract/session.ts";
import { type Frame, Layout } from "./layout.tsx";
import { Search } from "./search.tsx";
import { isReady, NoCatalogue, sortServices } from "./service-list.tsx";
import { launchHref } from "./session-actions.tsx";
import { SessionList } from "./session-list.tsx";
import { ServiceIcon } from "./service-icon.tsx";
import { SharedLater } from "./shared-list.tsx";

/** From this many sessions on, a search is quicker than a look. */
const SEARCHABLE = 6;

const NoneReady = ({ services }: { services: readonly CatalogueEntry[] }) =>
  services.length === 0 ? <NoCatalogue /> : <p class="nothing">None of the applications is installed yet.</p>;

function Launcher({ services, resources }: Pick<HomeProps, "services" | "resources">) {
  const ready = sortServices(services, resources).filter((entry) => isReady(entry, resources));
  return (
    <aside
      id="launcher"
      class="launcher"
      aria-labelledby="launcher-title"
      hx-get="/"
      hx-trigger="berth:agent from:body throttle:250ms, berth:resources from:body throttle:250ms"
      hx-select="#launcher"
      hx-swap="outerMorph"
    >
      <h2 id="launcher-title">Launch</h2>
      {ready.length === 0 ? (
        <NoneReady services={services} />
      ) : (
        <ul>
          {ready.map((entry) => (
            <li>
              <a href={launchHref(entry.name)}>
                <ServiceIcon entry={entry} size={24} />
                <span>
                  {entry.title}
                  {entry.description === "" ? null : <small>{entry.description}</small>}
                </span>
              </a>
            </li>
          ))}
        </ul>
      )}
      {services.length === 0 ? null : (
        <a class="more" href="/services">
          All {services.length} services
        </a>
      )}
    </aside>
  );
}

/** What most readers have come to do; nothing can be launched before there is a machine to run it on. */
const FirstAction = ({ frame: { name, agent } }: { frame: Frame }) =>
  name !== null && agent.host === null ? (
    <a class="button primary" href="/join">
      Connect a workspace
    </a>
  ) : (
    <a class="button primary" href="/services">
      Launch <kbd aria-hidden="true">n</kbd>
    </a>
  );

type HomeProps = {
  frame: Frame;
  sessions: readonly Session[];
  services: readonly CatalogueEntry[];
  resources: readonly ResourceView[];
  query: string;
  /** Others can share sessions with the reader here. */
  shares: boolean;
  now: number;
};

/** The first page: what is running, how it is doing, how to get in; and what there is to launch. */
export const Home = ({ frame, sessions, services, resources, query, shares, now }: HomeProps) => (
  <Layout title="Sessions" frame={frame} refresh={15}>
    <div class="head">
      <h1>Sessions</h1>
      {sessions.length < SEARCHABLE && query === "" ? null : (
        <Search
          action="/"
          fragment="/fragments/sessions"
          target="#sessions"
          label="Search sessions"
          query={query}
        />
      )}
      <FirstAction frame={frame} />
    </div>
    {/* Whoever has none of their own has come for those of others. */}
    {shares && sessions.length === 0 ? <SharedLater /> : null}
    <div class="home">
      <div class="lists">
        <SessionList sessions={sessions} services={services} query={query} now={now} />
        {shares && sessions.length > 0 && query === "" ? <SharedLater /> : null}
      </div>
      <Launcher services={services} resources={resources} />
    </div>
  </Layout>
);

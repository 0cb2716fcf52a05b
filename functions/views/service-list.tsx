import type { ResourceView } from "../../contract/resource.ts";
import type { CatalogueEntry } from "../../contract/service.ts";
import { Command } from "./command.tsx";
import { type Frame, Layout } from "./layout.tsx";
import { hasCluster, isLaunchable } from "./place.ts";
import { Search } from "./search.tsx";
import { ServiceIcon } from "./service-icon.tsx";
import { launchHref } from "./session-actions.tsx";

type Resources = readonly ResourceView[];

/** True for a service that can be launched at once: it is installed here, or there is a cluster for it. */
export const isReady = (entry: CatalogueEntry, resources: Resources): boolean =>
  isLaunchable(entry, resources) && (entry.installed || hasCluster(entry, resources));

/** The group of the catalogue in which a service stands. */
const rank = (entry: CatalogueEntry, resources: Resources): 0 | 1 | 2 =>
  isReady(entry, resources) ? 0 : isLaunchable(entry, resources) ? 1 : 2;

/** What can be launched first, then what is to be installed, then what cannot be used. */
export const sortServices = (services: readonly CatalogueEntry[], resources: Resources): CatalogueEntry[] =>
  services.toSorted(
    (one, other) =>
      rank(one, resources) - rank(other, resources) || one.title.localeCompare(other.title, "en"),
  );

const list = new Intl.ListFormat("en", { type: "conjunction" });

/** What is missing on the workspace and the commands that bring it; nothing where all is there. */
export function Missing({ entry }: { entry: CatalogueEntry }) {
  if (entry.installed || entry.broken !== null) return null;
  return (
    <div class="missing">
      <p>
        {entry.missing.length === 0
          ? "Not installed on the workspace"
          : `Missing: ${list.format(entry.missing)}`}
        {entry.install.length === 0 ? null : ". Install with"}
      </p>
      {entry.install.map((command) => (
        <Command text={command} />
      ))}
    </div>
  );
}

type CardProps = { entry: CatalogueEntry; resources: Resources };

function Action({ entry, resources }: CardProps) {
  if (entry.broken !== null) return <pre class="error">{entry.broken}</pre>;
  if (!isLaunchable(entry, resources))
    return (
      <p class="help">
        Runs on {list.format(entry.placements)} only. <a href="/resources">See the clusters</a>
      </p>
    );
  const ready = isReady(entry, resources);
  return (
    <>
      {ready ? null : <Missing entry={entry} />}
      <a
        class={ready ? "button" : "button quiet"}
        href={launchHref(entry.name)}
        aria-label={`${ready ? "Launch" : "Launch anyway:"} ${entry.title}`}
      >
        {ready ? "Launch" : "Launch anyway"}
      </a>
    </>
  );
}

const Card = ({ entry, resources }: CardProps) => (
  <li id={`service-${entry.name}`} class="card">
    <ServiceIcon entry={entry} size={40} />
    <div class="what">
      <h3>{entry.title}</h3>
      {entry.description === "" ? null : <p>{entry.description}</p>}
      <Action entry={entry} resources={resources} />
    </div>
  </li>
);

const GROUPS = ["Ready to launch", "To be installed", "Not usable here"] as const;

function Groups({ services, resources }: Omit<ServicesProps, "frame" | "query">) {
  const sorted = sortServices(services, resources);
  return (
    <>
      {GROUPS.map((title, group) => {
        const entries = sorted.filter((entry) => rank(entry, resources) === group);
        return entries.length === 0 ? null : (
          <>
            <h2 class="group">{title}</h2>
            <ul class="cards">
              {entries.map((entry) => (
                <Card entry={entry} resources={resources} />
              ))}
            </ul>
          </>
        );
      })}
    </>
  );
}

const matches = (entry: CatalogueEntry, query: string): boolean =>
  `${entry.name}\n${entry.title}\n${entry.description}`.toLowerCase().includes(query.toLowerCase());

function Catalogue({ services, resources, query }: Omit<ServicesProps, "frame">) {
  const shown = services.filter((entry) => matches(entry, query));
  if (shown.length > 0) return <Groups services={shown} resources={resources} />;
  if (services.length === 0) return <NoCatalogue />;
  return (
    <p class="nothing">
      No service matches “{query}”. <a href="/services">Show all {services.length}</a>
    </p>
  );
}

/** Why there is nothing to launch. */
export const NoCatalogue = () => (
  <p class="nothing">The catalogue comes from the workspace: it is here once its agent has connected.</p>
);

type ServicesProps = {
  frame: Frame;
  services: readonly CatalogueEntry[];
  resources: Resources;
  query: string;
};

/** The catalogue. */
export const ServicesPage = ({ frame, services, resources, query }: ServicesProps) => (
  <Layout title="Services" frame={frame}>
    <div class="head">
      <h1>Services</h1>
      {services.length === 0 ? null : (
        <Search
          action="/services"
          fragment="/services"
          target="#catalogue"
          label="Search services"
          query={query}
        />
      )}
    </div>
    <div
      id="catalogue"
      hx-get={`/services${query === "" ? "" : `?q=${encodeURIComponent(query)}`}`}
      hx-trigger="berth:agent from:body throttle:250ms, berth:resources from:body throttle:250ms"
      hx-select="#catalogue"
      hx-swap="outerMorph"
    >
      <Catalogue services={services} resources={resources} query={query} />
    </div>
  </Layout>
);

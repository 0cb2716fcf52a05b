import type { CatalogueEntry } from "../../contract/service.ts";
import { Command } from "./command.tsx";
import { type Frame, Layout } from "./layout.tsx";
import { Search } from "./search.tsx";
import { ServiceIcon } from "./service-icon.tsx";
import { launchHref } from "./session-actions.tsx";

/** A service that can be launched from here: whole, and made for the workspace. */
export const isLaunchable = (entry: CatalogueEntry): boolean =>
  entry.broken === null && entry.placements.includes("workspace");

/** The group of the catalogue in which a service stands. */
const rank = (entry: CatalogueEntry): 0 | 1 | 2 => (isLaunchable(entry) ? (entry.installed ? 0 : 1) : 2);

/** What can be launched first, then what is to be installed, then what cannot be used. */
export const sortServices = (services: readonly CatalogueEntry[]): CatalogueEntry[] =>
  services.toSorted((one, other) => rank(one) - rank(other) || one.title.localeCompare(other.title, "en"));

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

function Action({ entry }: { entry: CatalogueEntry }) {
  if (entry.broken !== null) return <pre class="error">{entry.broken}</pre>;
  if (!isLaunchable(entry)) return <p class="help">Runs on {list.format(entry.placements)} only.</p>;
  return (
    <>
      <Missing entry={entry} />
      <a
        class={entry.installed ? "button" : "button quiet"}
        href={launchHref(entry.name)}
        aria-label={`${entry.installed ? "Launch" : "Launch anyway:"} ${entry.title}`}
      >
        {entry.installed ? "Launch" : "Launch anyway"}
      </a>
    </>
  );
}

const Card = ({ entry }: { entry: CatalogueEntry }) => (
  <li id={`service-${entry.name}`} class="card">
    <ServiceIcon entry={entry} size={40} />
    <div class="what">
      <h3>{entry.title}</h3>
      {entry.description === "" ? null : <p>{entry.description}</p>}
      <Action entry={entry} />
    </div>
  </li>
);

const GROUPS = ["Ready to launch", "To be installed", "Not usable here"] as const;

function Groups({ services }: { services: readonly CatalogueEntry[] }) {
  const sorted = sortServices(services);
  return (
    <>
      {GROUPS.map((title, group) => {
        const entries = sorted.filter((entry) => rank(entry) === group);
        return entries.length === 0 ? null : (
          <>
            <h2 class="group">{title}</h2>
            <ul class="cards">
              {entries.map((entry) => (
                <Card entry={entry} />
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

function Catalogue({ services, query }: { services: readonly CatalogueEntry[]; query: string }) {
  const shown = services.filter((entry) => matches(entry, query));
  if (shown.length > 0) return <Groups services={shown} />;
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

type ServicesProps = { frame: Frame; services: readonly CatalogueEntry[]; query: string };

/** The catalogue. */
export const ServicesPage = ({ frame, services, query }: ServicesProps) => (
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
      hx-trigger="berth:agent from:body throttle:250ms"
      hx-select="#catalogue"
      hx-swap="outerMorph"
    >
      <Catalogue services={services} query={query} />
    </div>
  </Layout>
);

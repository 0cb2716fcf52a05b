import { z } from "zod";
import { app } from "../../../functions/app.ts";
import { api } from "./edge.ts";

/**
 * What a route is, to those whose things it is not:
 * - `open`: asks for a proof of its own, or shows nothing of anybody;
 * - `own`: shows and changes what is the visitor's own;
 * - `one`: names one thing by its id, which is nobody else's;
 * - `operator`: is not there for users;
 * - `agent`: is an agent's, to its own workspace;
 * - `application`: leads to a port.
 */
export type Class = "open" | "own" | "one" | "operator" | "agent" | "application";

const CLASSES: readonly [pattern: RegExp, is: Class][] = [
  [/^\/(?:healthz|login|login\/callback|logout\/back-channel|enter|enter-share)$/, "open"],
  [/^\/assets\//, "open"],
  [/^\/enroll\/(?:start|poll)$/, "open"],
  [/^\/webhooks\/platform$/, "open"],
  [/^\/(?:api\/)?operator(?:\/|$)/, "operator"],
  [/^\/metrics$/, "operator"],
  [/^\/agent\//, "agent"],
  [/^\/s?me\//, "application"],
  [/^\/wait\//, "application"],
  [/^\/(?:api\/)?sessions\/\{id\}/, "one"],
  [/^\/fragments\/sessions\/\{id\}$/, "one"],
  [/^\/sessions\/\{id\}/, "one"],
  [/^\/api\/(?:tokens|logins|agents)\/\{id\}/, "one"],
  [/^\/account\/(?:tokens|logins|agents)\/\{id\}\//, "one"],
  [/^\/api\/(?:services|resources)\/\{name\}$/, "one"],
  [/^\/launch\/\{service\}$/, "one"],
  [/^\/icons\/\{file\}$/, "one"],
  [/^\/share\/\{session\}$/, "one"],
  [
    /^\/api\/(?:me|tokens|logins|agents|agent|login-links|services|resources|sessions|events|notifications|shared)$/,
    "own",
  ],
  [/^\/(?:services|resources|notifications|account|join|shared|logout|hand-over|openapi\.json)?$/, "own"],
  [/^\/fragments\/(?:top|sessions|shared)$/, "own"],
];

const Document = z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) });

export type Route = { method: string; path: string };
export const spelled = ({ method, path }: Route): string => `${method} ${path}`;

/** What the router knows, in the document's spelling. */
export const routed: Route[] = app.routes
  .filter(({ method }) => method !== "ALL")
  .map(({ method, path }) => ({ method, path: path.replaceAll(/:(\w+)(?:\{.*?\})?/g, "{$1}") }));

/** What the document does not describe: pages and their parts, what browsers and agents do among themselves. */
export const UNDOCUMENTED =
  /^\/(?:$|assets\/|agent\/|login|logout|enter|hand-over|wait\/|share\/|join|services$|resources$|notifications$|shared$|account|icons\/|launch\/|sessions\/|fragments\/|operator)/;

export const classOf = (path: string): Class | undefined =>
  CLASSES.find(([pattern]) => pattern.test(path))?.[1];

/** As the Worker serves it; it is the same for whoever may see it. */
const served = Document.parse(await (await api("GET", "/openapi.json")).json());
export const documented: Route[] = Object.entries(served.paths).flatMap(([path, methods]) =>
  Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
);

export const routes = [
  ...new Map([...documented, ...routed].map((route) => [spelled(route), route])).values(),
].filter(({ path }) => !path.includes("*"));

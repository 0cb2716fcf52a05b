import { Hono } from "hono";
import { LOCAL_USER, SCOPES } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";
import type { ResourceView } from "../../contract/resource.ts";
import type { CatalogueEntry } from "../../contract/service.ts";
import type { LaunchRequest, Notification, Session } from "../../contract/session.ts";
import type { AppEnv } from "../../functions/env.ts";
import { consoleRoutes } from "../../functions/routes/console.tsx";
import type { AgentStatus, WorkspaceApi } from "../../functions/workspace/api.ts";
import { session } from "./samples.ts";

type World = {
  agent: AgentStatus;
  services: CatalogueEntry[];
  resources: ResourceView[];
  sessions: Session[];
  notifications: Notification[];
  launches: { request: LaunchRequest; key: string | null }[];
  canceled: string[];
};

/** The console's routes over a workspace that is only these values: what the pages make of them is what is tested. */
export function consoleApp(given: Partial<World> = {}) {
  const world: World = {
    agent: { online: true, host: "hopper-login", user: "ana", version: "0.1.0", mismatch: null },
    services: [],
    resources: [],
    sessions: [],
    notifications: [],
    launches: [],
    canceled: [],
    ...given,
  };
  const find = (id: string) => {
    const value = world.sessions.find((each) => each.id === id);
    if (value !== undefined) return { ok: true as const, value };
    return {
      ok: false as const,
      problem: new BerthError("unknown_session", `there is no session "${id}"`).problem,
    };
  };
  const workspace: WorkspaceApi = {
    agent: async () => world.agent,
    services: async () => world.services,
    resources: async () => world.resources,
    sessions: async () => world.sessions,
    session: async (id) => find(id),
    launch: async (request, { key }) => {
      const earlier = world.launches.find((launch) => key !== null && launch.key === key);
      if (earlier !== undefined && JSON.stringify(earlier.request) !== JSON.stringify(request)) {
        const conflict = new BerthError(
          "idempotency_conflict",
          "this Idempotency-Key launched something else",
        );
        return { ok: false, problem: conflict.problem };
      }
      if (earlier === undefined) {
        world.launches.push({ request, key });
        const { service, name = "unnamed" } = request;
        const id = `snew${world.launches.length}`;
        world.sessions.push(session({ id, service, name, state: "submitted", startedAt: null, url: null }));
      }
      const made = world.sessions.at(-1) ?? session();
      return { ok: true, value: { session: made, created: earlier === undefined } };
    },
    cancel: async (id) => {
      const found = find(id);
      if (found.ok) world.canceled.push(id);
      return found;
    },
    notifications: async () => world.notifications,
  };
  const app = new Hono<AppEnv>();
  app.use(async (c, next) => {
    c.set("workspace", workspace);
    c.set("sessionsHost", "sessions.localhost:8787");
    c.set("visitor", { kind: "program", user: LOCAL_USER, token: "local", secret: "a-token" });
    c.set("admitted", { role: "operator", name: "You", scopes: [...SCOPES], generation: null });
    await next();
  });
  app.route("/", consoleRoutes());
  app.onError((error, c) => {
    if (error instanceof BerthError) return c.json(error.problem, { status: 400 });
    throw error;
  });
  const send = (path: string, body: string, type: string) =>
    app.request(path, { method: "POST", body, headers: { "content-type": type } }, {});
  return {
    world,
    send,
    get: (path: string, headers: Record<string, string> = {}) => app.request(path, { headers }, {}),
    post: (path: string, fields: Record<string, string>) =>
      send(path, new URLSearchParams(fields).toString(), "application/x-www-form-urlencoded"),
  };
}

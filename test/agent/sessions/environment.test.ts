import { join } from "node:path";
import { expect, it } from "vitest";
import { agentEnvironment } from "../../../agent/allocator.ts";
import { sessionEnvironment } from "../../../agent/sessions/environment.ts";
import { SessionId } from "../../../contract/ids.ts";

const id = SessionId.parse("s4k2m9x0v7qrt");

const ROOT = join(import.meta.dirname, "../../..");

it("a session has the user's environment, and nothing of Berth's or npm's", () => {
  const environment = sessionEnvironment(
    {
      HOME: "/home/ana",
      LANG: "de_DE.UTF-8",
      MODULEPATH: "/opt/modules",
      HTTPS_PROXY: "http://proxy:3128",
      BASH_ENV: "/etc/modules.sh",
      PATH: `${ROOT}/node_modules/.bin:/usr/lib/node_modules/npm/bin/node-gyp-bin:/home/ana/tools/node_modules/.bin:/usr/bin`,
      BERTH_HOME: "/home/ana/.berth",
      BERTH_SESSION_ID: "s000000000000",
      npm_config_cache: "/x",
      npm_lifecycle_event: "start",
      INIT_CWD: "/berth",
      CLOUDFLARE_API_TOKEN: "secret",
    },
    id,
  );
  expect(environment).toEqual({
    HOME: "/home/ana",
    LANG: "de_DE.UTF-8",
    MODULEPATH: "/opt/modules",
    HTTPS_PROXY: "http://proxy:3128",
    BASH_ENV: "/etc/modules.sh",
    PATH: "/home/ana/tools/node_modules/.bin:/usr/bin",
    BERTH_SESSION_ID: id,
  });
});

it("a session has none of the settings that the agent's process was given for itself, and keeps the user's", () => {
  const given = agentEnvironment({ PATH: "/usr/bin", MALLOC_ARENA_MAX: "4" });
  expect(given["MALLOC_TRIM_THRESHOLD_"]).toBe("1048576");
  expect(sessionEnvironment(given, id)).toEqual({
    PATH: "/usr/bin",
    MALLOC_ARENA_MAX: "4",
    BERTH_SESSION_ID: id,
  });
});

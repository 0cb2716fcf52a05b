import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { configOf } from "../../functions/config.ts";
import type { Env } from "../../functions/env.ts";

const HOUR = 3_600_000;

const OIDC: Env = {
  ...env,
  BERTH_LOGIN: "oidc",
  BERTH_CONSOLE_HOST: "console.example.org",
  BERTH_SESSIONS_HOST: "sessions.example.org",
  BERTH_OIDC_ISSUER: "https://id.example.org",
  BERTH_OIDC_CLIENT_ID: "berth",
};

const without = (settings: Env, name: keyof Env): Env => {
  const { [name]: _dropped, ...rest } = settings;
  return rest as Env;
};

const refused = (settings: Env): unknown => {
  try {
    configOf(settings);
    return undefined;
  } catch (error) {
    return error;
  }
};

describe("an edge refuses", () => {
  it.each<[string, Env, string]>([
    ["no way to log in", without(OIDC, "BERTH_LOGIN"), "BERTH_LOGIN"],
    ["one that it does not know", { ...OIDC, BERTH_LOGIN: "open" }, "BERTH_LOGIN"],
    ["no issuer", without(OIDC, "BERTH_OIDC_ISSUER"), "BERTH_OIDC_ISSUER"],
    ["no client", without(OIDC, "BERTH_OIDC_CLIENT_ID"), "BERTH_OIDC_CLIENT_ID"],
    ["no secret", without(OIDC, "BERTH_COOKIE_SECRET"), "BERTH_COOKIE_SECRET"],
    ["a blank secret", { ...OIDC, BERTH_COOKIE_SECRET: " " }, "BERTH_COOKIE_SECRET"],
    ["a short secret", { ...OIDC, BERTH_COOKIE_SECRET: "secret" }, "BERTH_COOKIE_SECRET"],
    [
      "a short secret beside a good one",
      { ...OIDC, BERTH_COOKIE_SECRET: `${env.BERTH_COOKIE_SECRET} old` },
      "BERTH_COOKIE_SECRET",
    ],
    ["allowed groups that are none", { ...OIDC, BERTH_ALLOWED_GROUPS: " , " }, "BERTH_ALLOWED_GROUPS"],
    ["an access proxy without a name", { ...OIDC, BERTH_LOGIN: "header" }, "BERTH_PROXY_HEADER"],
    [
      "a name of the proxy's that is none",
      {
        ...OIDC,
        BERTH_LOGIN: "header",
        BERTH_PROXY_HEADER: "x-jwt",
        BERTH_PROXY_JWKS: "https://proxy.example.org/keys",
        BERTH_PROXY_ISSUER: "https://proxy.example.org",
        BERTH_PROXY_AUDIENCE: "berth",
        BERTH_PROXY_OWN: "session=*",
      },
      "BERTH_PROXY_OWN",
    ],
    ["hours that are none", { ...OIDC, BERTH_LOGIN_IDLE_HOURS: "soon" }, "BERTH_LOGIN_IDLE_HOURS"],
    ["hours below nought", { ...OIDC, BERTH_LOGIN_LONGEST_HOURS: "-1" }, "BERTH_LOGIN_LONGEST_HOURS"],
  ])("%s, and names what is wrong", (_what, settings, name) => {
    expect(refused(settings)).toMatchObject({
      code: "not_configured",
      message: expect.stringContaining(name),
    });
  });
});

describe("an edge's logins", () => {
  it("end after a day unused and a week at most, unless told", () => {
    expect(configOf({ ...OIDC })).toMatchObject({ idleMs: 24 * HOUR, longestMs: 168 * HOUR });
    const told = { ...OIDC, BERTH_LOGIN_IDLE_HOURS: "0.5", BERTH_LOGIN_LONGEST_HOURS: "12" };
    expect(configOf(told)).toMatchObject({ idleMs: HOUR / 2, longestMs: 12 * HOUR });
  });

  it("take groups separated by spaces or commas", () => {
    const groups = { BERTH_ALLOWED_GROUPS: "tides, rivers  lakes", BERTH_OPERATOR_GROUPS: "staff" };
    expect(configOf({ ...OIDC, ...groups }).login).toMatchObject({
      groups: { claim: "groups", allowed: ["tides", "rivers", "lakes"], operators: ["staff"] },
    });
  });
});

import {
  array,
  constant,
  constantFrom,
  dictionary,
  oneof,
  option,
  record,
  string,
  stringMatching,
  uint8Array,
  type Arbitrary,
} from "fast-check";
import { app } from "../../../functions/app.ts";
import { CONSOLE, SESSIONS } from "../../functions/support/edge.ts";

/** A request as somebody may send it who means no good, or nothing at all. */
export type RandomRequest = {
  method: string;
  host: string;
  path: string;
  headers: Record<string, string>;
  body: string | Uint8Array<ArrayBuffer> | null;
  who: "nobody" | "browser" | "program" | "agent";
};

/** Every route that there is, its parameters left as they are to be filled. */
const ROUTES = [...new Set(app.routes.map(({ path }) => path))];

const odd = constantFrom(
  "%",
  "%2",
  "%zz",
  "%00",
  "%2e%2e",
  "%2f",
  "%5c",
  "%ff%fe",
  "%C3%28",
  "..",
  ".",
  "//",
  "\\",
  ";",
  "@",
  ":",
  "?",
  "&",
  "=",
  "*",
  "+",
  "~",
  "|",
  "\u0001",
  " ",
  "é",
  "\u{1F600}",
  "\uD800",
  "'",
  '"',
  "<script>",
  "$(id)",
);
const word = oneof(
  odd,
  string({ unit: "binary", maxLength: 6 }),
  constantFrom("51458", "s000000000000", "all", "1", "-1", "notebook", "me", "sme", "api", "agent", "local"),
  stringMatching(/^u[0-9a-hjkmnp-tv-z]{20}$/),
);
const query = dictionary(
  constantFrom(
    "code",
    "state",
    "error",
    "to",
    "browser",
    "seq",
    "follow",
    "q",
    "again",
    "open",
    "place",
    "cursor",
    "since",
    "limit",
  ),
  oneof(word, constantFrom("https://evil.example", "//evil", "/\\evil", "javascript:alert(1)", "1e9", "NaN")),
  { maxKeys: 3 },
).map((pairs) =>
  Object.entries(pairs)
    .map(([key, value]) => `${key}=${value}`)
    .join("&"),
);

const path: Arbitrary<string> = oneof(
  {
    weight: 6,
    arbitrary: constantFrom(...ROUTES).chain((route) =>
      array(word, { minLength: 4, maxLength: 4 }).map((words) => {
        let next = 0;
        return route.replaceAll(/:\w+(?:\{.*?\})?|\*/g, () => words[next++] ?? "x");
      }),
    ),
  },
  { weight: 2, arbitrary: array(word, { maxLength: 5 }).map((words) => `/me/51458/${words.join("/")}`) },
  { weight: 1, arbitrary: array(word, { maxLength: 5 }).map((words) => `/${words.join("/")}`) },
).chain((start) => option(query, { nil: "" }).map((text) => (text === "" ? start : `${start}?${text}`)));

const LAUNCH = JSON.stringify({ service: "notebook", name: "x" });
const body = oneof(
  constant(null),
  constant(LAUNCH),
  constantFrom("", "{", "[]", "null", "0", '"x"', '{"__proto__":{"a":1}}', `{"a":${"[".repeat(5000)}`),
  string({ unit: "binary", maxLength: 40 }),
  uint8Array({ maxLength: 200 }),
);

const headers = dictionary(
  constantFrom(
    "accept",
    "authorization",
    "content-type",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "origin",
    "sec-fetch-site",
    "host",
    "cookie",
    "idempotency-key",
    "last-event-id",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "forwarded",
    "x-forwarded-host",
    "berth-target",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "range",
    "expect",
    "te",
    "if-none-match",
    "user-agent",
    "accept-language",
    "hx-request",
  ),
  oneof(
    constantFrom(
      "text/html",
      "application/json",
      "text/event-stream",
      "application/x-www-form-urlencoded",
      "multipart/form-data",
      "multipart/form-data; boundary=x",
      "websocket",
      "h2c",
      "Upgrade",
      "null",
      CONSOLE,
      SESSIONS,
      "https://evil.example",
      "cross-site",
      "same-origin",
      "Bearer x",
      "Bearer berth_api_x.y",
      "Basic !!!",
      "Digest",
      "berth=x; berth=y.z",
      "berth=eyJ1c2VyIjoibG9jYWwifQ.x",
      "0",
      "-1",
      "999999999999",
      "chunked",
      "localhost:8787",
      "evil.example",
      "/etc/passwd",
    ),
    stringMatching(/^[\x21-\x7e]{1,30}$/),
  ),
  { maxKeys: 4 },
);

export const request: Arbitrary<RandomRequest> = record({
  method: oneof(
    { weight: 5, arbitrary: constantFrom("GET", "POST") },
    {
      weight: 3,
      arbitrary: constantFrom("HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "get", "REPORT"),
    },
  ),
  host: constantFrom(
    CONSOLE,
    SESSIONS,
    "http://evil.example:8787",
    "http://s000000000000.sessions.localhost:8787",
  ),
  path,
  headers,
  body,
  who: constantFrom("nobody", "browser", "browser", "program", "agent"),
});

import { array, constantFrom, oneof, record, string, uint8Array, type Arbitrary } from "fast-check";

const CONNECTION = [
  "close",
  "keep-alive",
  "Upgrade, HTTP2-Settings",
  "Transfer-Encoding",
  "Content-Length",
  "Host, Authorization",
];

/** A header line as no client would write it, and some would. */
const line = oneof(
  constantFrom(
    "Content-Length: 5",
    "Content-Length: -1",
    "Content-Length: 5, 5",
    "Content-Length: 18446744073709551616",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding: x",
    "Expect: 100-continue",
    "Upgrade: h2c",
    "Upgrade: websocket",
    "Sec-WebSocket-Key: x",
    "Sec-WebSocket-Version: 13",
    "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA",
    "Trailer: Authorization",
    "TE: trailers",
    "Host: elsewhere.example",
    "Host:",
    "Cookie: berth=x.y; =; ;;",
    "Cookie: \xff\xfe=\x80",
    "Authorization: Bearer \xe9",
    "X-Folded: a\r\n b",
    ": no name",
    "no colon",
    "X-Nul: \0",
    " leading: space",
  ),
  constantFrom(...CONNECTION).map((value) => `Connection: ${value}`),
  uint8Array({ maxLength: 12 }).map((bytes) => `X-Bytes: ${Buffer.from(bytes).toString("latin1")}`),
);

const target = oneof(
  constantFrom(
    "/",
    "/api/sessions",
    "/me/51458/",
    "//",
    "*",
    "http://elsewhere.example/",
    "/%",
    "/me/%35%31458/",
    "/a b",
    "/\\",
    "/#x",
    "?x",
    "",
  ),
  uint8Array({ maxLength: 12 }).map((bytes) => `/${Buffer.from(bytes).toString("latin1")}`),
);

/** What a socket may bring where a request is due, as Latin-1 text. */
export const randomBytes: Arbitrary<string> = oneof(
  {
    weight: 8,
    arbitrary: record({
      method: constantFrom("GET", "POST", "HEAD", "OPTIONS", "PRI", "get", "G\tT", ""),
      target,
      version: constantFrom("HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "", "http/1.1", "HTTP/1.1 x"),
      lines: array(line, { maxLength: 4 }),
      end: constantFrom("\r\n", "\r\n", "\r\n", "\n", "\r"),
      body: constantFrom(
        "",
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\nAuthorization: x\r\n\r\n",
        "hello",
        "FFFFFFFFF\r\n",
      ),
      host: constantFrom("Host: localhost", "Host: localhost", "X-No-Host: 1"),
    }).map((parts) =>
      [`${parts.method} ${parts.target} ${parts.version}`, parts.host, ...parts.lines, "", parts.body].join(
        parts.end,
      ),
    ),
  },
  {
    weight: 1,
    arbitrary: uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  },
  { weight: 1, arbitrary: string({ maxLength: 100 }) },
);

/** What is no path of ours to return to, in the spellings that a browser would make another host of. */
export const FOREIGN_PATHS = [
  "//evil.example",
  "/\\evil.example",
  "\\\\evil.example",
  "https://evil.example/",
  "javascript:alert(1)",
  "evil.example",
  "/\tevil",
  "/\t/evil.example",
  "/a\r\nset-cookie: berth=1",
  "/a b",
  "/a\\..\\..\\b",
  "/\u2028",
  "",
];

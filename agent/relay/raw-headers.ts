import type { IncomingMessage } from "node:http";

/** An answer's headers as they came: in their order and case, repeated ones apart. Node reads their bytes as Latin-1. */
export function rawHeaders({ rawHeaders: raw }: IncomingMessage): [string, string][] {
  const list: [string, string][] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) list.push([raw[index] ?? "", raw[index + 1] ?? ""]);
  return list;
}

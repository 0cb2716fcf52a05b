import type { IncomingMessage } from "node:http";
import { fromWire } from "./header-text.ts";

/** An answer's headers as they came, for the edge: in their order and case, repeated ones apart. */
export function rawHeaders({ rawHeaders: raw }: IncomingMessage): [string, string][] {
  const list: [string, string][] = [];
  for (let index = 0; index + 1 < raw.length; index += 2)
    list.push([raw[index] ?? "", fromWire(raw[index + 1] ?? "")]);
  return list;
}

import { asAgent, ask, CONSOLE } from "./edge.ts";

/** What an agent does beside the link, each as a request of its own. */
const at = (id: string): string => `${CONSOLE}/agent/streams/${id}`;

/** Sends a segment of an answer; the edge's word on it comes when the browser has taken the segment. */
export const postSegment = (id: string, seq: number, body: BodyInit): Promise<Response> =>
  ask(`${at(id)}?seq=${seq}`, { method: "POST", headers: asAgent, body });

/** Fetches the body of a browser's request. */
export const fetchBody = (id: string): Promise<Response> => ask(at(id), { headers: asAgent });

/** Takes a stream's WebSocket, with the subprotocol that the service chose. */
export async function takeSocket(id: string, protocol?: string): Promise<WebSocket> {
  const chosen = protocol === undefined ? {} : { "sec-websocket-protocol": protocol };
  const response = await ask(at(id), { headers: { ...asAgent, ...chosen, upgrade: "websocket" } });
  if (response.webSocket === null) throw new Error(`the edge answered ${response.status}`);
  return response.webSocket;
}

const encoder = new TextEncoder();

/** Text as the bytes of a payload. */
export const bytes = (text: string): Uint8Array => encoder.encode(text);

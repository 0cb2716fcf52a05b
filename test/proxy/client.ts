import { randomUUID } from "node:crypto";
import { eventually } from "../support/eventually.ts";
import { RawConnection, type Answer, type HeaderList } from "../support/raw-http.ts";
import { handshake, OPCODE, readFrame } from "../support/raw-websocket.ts";
import type { AnswerSpec, HeldAction, HeldState, Inspection, OpenWork } from "./services/protocol.ts";
import type { Access } from "./subject.ts";

/** A request through the proxy. A head's text is Latin-1: a character is a byte. A body without framing gets its length. */
export type RawRequest = {
  method?: string;
  /** Behind the base; may hold anything. */
  path?: string;
  headers?: HeaderList;
  body?: Uint8Array | string;
};

/** A key for one exchange that no other test uses. */
export const freshKey = (): string => randomUUID();

/** The access's path without a slash at its end: `/me/51458`, or nothing. */
export const prefixOf = (access: Access): string => access.base.pathname.replace(/\/$/, "");

/** The same place asked for without any authorisation. */
export const stranger = (access: Access): Access => ({ base: access.base, headers: [] });

/** The head of a request, as it goes on the wire. */
export function spellHead(access: Access, request: RawRequest): string {
  const { method = "GET", path = "/inspect", headers = [], body } = request;
  const names = new Set(headers.map(([name]) => name.toLowerCase()));
  const framed = names.has("content-length") || names.has("transfer-encoding");
  const all: HeaderList = [
    ...(names.has("host") ? [] : [["Host", access.base.host] as const]),
    ...access.headers,
    ...headers,
    ...(body === undefined || framed ? [] : [["Content-Length", String(Buffer.from(body).length)] as const]),
  ];
  const lines = all.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return `${method} ${prefixOf(access)}${path} HTTP/1.1\r\n${lines}\r\n`;
}

/** Opens a connection and sends a request on it. */
export async function begin(access: Access, request: RawRequest): Promise<RawConnection> {
  const connection = await RawConnection.open(access.base);
  try {
    await connection.send(spellHead(access, request));
    if (request.body !== undefined) await connection.send(Buffer.from(request.body));
    return connection;
  } catch (error) {
    await connection[Symbol.asyncDispose]();
    throw error;
  }
}

/** One request on a connection of its own, and its whole answer. */
export async function exchange(access: Access, request: RawRequest): Promise<Answer> {
  await using connection = await begin(access, request);
  return await connection.answer(request.method);
}

function json(answer: Answer): unknown {
  if (answer.status !== 200) throw new Error(`answered ${answer.status}: ${answer.body.toString()}`);
  return JSON.parse(answer.body.toString());
}

/** What the service saw of a request. */
export const inspect = async (access: Access, request: RawRequest = {}): Promise<Inspection> =>
  json(await exchange(access, request)) as Inspection;

/** The path of an answer that the service is told to give. */
export const answerPath = (spec: AnswerSpec): string =>
  `/answer?spec=${encodeURIComponent(JSON.stringify(spec))}`;

/** The state of the exchange held under a key, as the service knows it. */
const heldState = async (access: Access, key: string): Promise<HeldState> =>
  json(await exchange(access, { path: `/held?key=${key}` })) as HeldState;

/** Waits until the service knows the exchange under `key` and `is` holds for it. */
export async function untilHeld(
  access: Access,
  key: string,
  what: string,
  is: (state: HeldState) => boolean = () => true,
): Promise<HeldState> {
  return await eventually(
    async () => {
      const state = await heldState(access, key);
      return is(state) ? state : undefined;
    },
    { what, timeoutMs: 20_000 },
  );
}

/** Does something to a held exchange, as soon as the service knows it. */
export async function act(access: Access, key: string, action: HeldAction, body = ""): Promise<HeldState> {
  await untilHeld(access, key, "the exchange to reach the service");
  return json(
    await exchange(access, { method: "POST", path: `/held?key=${key}&do=${action}`, body }),
  ) as HeldState;
}

/** How many requests whose target holds `text` have reached the service. */
export const seen = async (access: Access, text: string): Promise<number> =>
  json(await exchange(access, { path: `/seen?text=${encodeURIComponent(text)}` })) as number;

/** What is in work at the service beside this question. */
export const openWork = async (access: Access): Promise<OpenWork> =>
  json(await exchange(access, { path: "/open" })) as OpenWork;

/** What the service saw of a WebSocket's opening handshake, whose path may hold any bytes. */
export async function inspectUpgrade(access: Access, request: RawRequest = {}): Promise<Inspection> {
  await using connection = await begin(access, {
    path: "/ws/inspect",
    ...request,
    headers: [...handshake(), ...(request.headers ?? [])],
  });
  const head = await connection.finalHead();
  if (head.status !== 101) throw new Error(`the upgrade was answered ${head.status}`);
  const frame = await readFrame(connection);
  if (frame.opcode !== OPCODE.text) throw new Error(`a frame of type ${frame.opcode} came first`);
  return JSON.parse(frame.payload.toString()) as Inspection;
}

/** The answer to an upgrade, for those that are not to succeed. */
export const upgradeAnswer = (access: Access, request: RawRequest): Promise<Answer> =>
  exchange(access, { ...request, headers: [...handshake(), ...(request.headers ?? [])] });

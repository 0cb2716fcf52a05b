import { z } from "zod";
import { line } from "./enrolment.ts";
import { SessionId, StreamId } from "./ids.ts";
import { Resource } from "./resource.ts";
import { CatalogueEntry } from "./service.ts";
import { SessionReport, SessionSpec, TEXT_LIMITS, Want } from "./session.ts";

/** A message of the link: a head that is JSON, and for some a payload of raw bytes behind it. */
export type Frame<Head> = { head: Head; payload: Uint8Array };

const headers = z.array(z.tuple([z.string(), z.string()]));
const count = z.int().nonnegative();

/** What a relayed request reaches: a port on the workspace's loopback, or a session's log. */
export const Target = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("port"),
    session: SessionId,
    port: z.int().min(1024).max(65_535),
    tls: z.boolean(),
  }),
  z.object({ kind: z.literal("log"), session: SessionId, follow: z.boolean() }),
]);
export type Target = z.infer<typeof Target>;

/** How the agent tells one open stream from another. */
export const StreamKind = z.enum(["http", "sse", "websocket"]);
export type StreamKind = z.infer<typeof StreamKind>;

/** What was relayed since it was told last, bytes, and how many streams are open now. */
const Traffic = z.object({ toBrowser: count, toService: count, open: z.record(StreamKind, count) });
export type Traffic = z.infer<typeof Traffic>;

/** For whom a stream is: the name of a login, of a token or of a share. No secret, and no meaning to the agent. */
const Visitor = z.string().max(128);

/** Bytes of JSON: what is kept of each in a row of an object's storage, which holds 2 MB (Cloudflare, Durable Objects limits). */
export const ROW_LIMIT = 1_900_000;
/** Bytes of JSON of one session's spec without its inputs, and of its report. */
const SESSION_LIMIT = 262_144;
/** More sessions than an agent keeps. */
const SESSIONS_LIMIT = 2000;

/** Bytes of a value in JSON. */
export const jsonSize = (value: unknown): number => encoder.encode(JSON.stringify(value)).byteLength;

const within = <Schema extends z.ZodType>(limit: number, schema: Schema): Schema =>
  schema.refine((value) => jsonSize(value) <= limit, `takes more than ${limit} bytes`);

const Services = within(ROW_LIMIT, z.array(CatalogueEntry));
const Resources = within(ROW_LIMIT, z.array(Resource));
const Report = within(SESSION_LIMIT, SessionReport);

const Wanted = z.object({ spec: SessionSpec, want: Want });
export type Wanted = z.infer<typeof Wanted>;

/** From the edge to the agent. */
export const EdgeFrame = z.discriminatedUnion("type", [
  /**
   * The answer to a hello. `wanted` is every session that has not ended; `epoch` names this connection; `limits.streams`
   * is how many requests and WebSockets one session may answer at once.
   */
  z.object({
    type: z.literal("welcome"),
    protocol: z.int(),
    epoch: z.int(),
    wanted: z.array(Wanted),
    limits: z.object({ streams: z.int().positive() }).optional(),
  }),
  /** The edge will not speak with this agent; the link closes after it. */
  z.object({ type: z.literal("refused"), code: z.string(), message: z.string() }),
  z.object({ type: z.literal("want"), wanted: Wanted }),
  /** The token that the agent is to show from now on. Until it has kept it, the one before counts, too. */
  z.object({ type: z.literal("token"), token: z.string().max(4096) }),
  /** `body`: `none`; `inline`, the payload is the body; `stream`, fetch it from `GET /agent/streams/<id>`. */
  z.object({
    type: z.literal("request"),
    id: StreamId,
    target: Target,
    visitor: Visitor,
    method: z.string(),
    path: z.string(),
    headers,
    body: z.enum(["none", "inline", "stream"]),
  }),
  z.object({
    type: z.literal("websocket"),
    id: StreamId,
    target: Target,
    visitor: Visitor,
    path: z.string(),
    headers,
  }),
  /** A visitor's login, token or share is over: end every stream that is open for it. */
  z.object({ type: z.literal("evict"), visitor: Visitor }),
  /** Nobody reads the answer any more: end the upstream request. */
  z.object({ type: z.literal("abort"), id: StreamId }),
  /** The browser has taken `bytes` more of the segments that came as frames. */
  z.object({ type: z.literal("ack"), id: StreamId, bytes: count }),
]);
export type EdgeFrame = z.infer<typeof EdgeFrame>;

/** From the agent to the edge. */
export const AgentFrame = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("hello"),
    protocol: z.int(),
    agent: z.object({ version: line(255), host: line(255), user: line(255) }),
    services: Services,
    resources: Resources.default([]),
    sessions: z
      .array(z.object({ spec: within(SESSION_LIMIT, SessionSpec), report: Report }))
      .max(SESSIONS_LIMIT)
      .refine(
        (known) => known.every(({ spec, report }) => spec.id === report.id),
        "are reported by other ids",
      ),
  }),
  z.object({ type: z.literal("catalogue"), services: Services }),
  /** Every cluster of the workspace, whenever what is known of one has changed. */
  z.object({ type: z.literal("resources"), resources: Resources }),
  z.object({ type: z.literal("report"), report: Report }),
  z.object({
    type: z.literal("notify"),
    session: SessionId,
    level: z.enum(["info", "warning", "error"]),
    text: z.string().max(TEXT_LIMITS.notice),
  }),
  /** The new token is written down: the one before counts no more. */
  z.object({ type: z.literal("token_kept") }),
  /**
   * Visitors whose WebSockets have brought something since the last such frame that named any: their logins are in use.
   * And for the operator's metrics, what the edge's runtime carries by itself and only the agent can count.
   */
  z.object({
    type: z.literal("active"),
    visitors: z.array(Visitor).max(1000),
    traffic: Traffic.optional(),
  }),
  /** An answer's head; the payload is segment 0. `length` is the whole body's, when the service said so. */
  z.object({
    type: z.literal("response"),
    id: StreamId,
    status: z.int().min(200).max(599),
    headers,
    length: count.nullable(),
    end: z.boolean(),
  }),
  /** Segment `seq`, as the payload of this frame. A segment may also come as `POST /agent/streams/<id>?seq=<seq>`. */
  z.object({ type: z.literal("segment"), id: StreamId, seq: count, end: z.boolean() }),
  /** The answer cannot go on, or could not begin. */
  z.object({
    type: z.literal("fail"),
    id: StreamId,
    code: z.enum(["refused", "timeout", "broken", "not_found", "busy"]),
    message: z.string().max(4096),
  }),
]);
export type AgentFrame = z.infer<typeof AgentFrame>;

const HEAD_LENGTH = 4;
const EMPTY = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Spells a frame: JSON text without a payload; with one, the head's length (32 bits, big-endian), the head, the payload. */
export function encodeFrame(
  head: AgentFrame | EdgeFrame,
  payload: Uint8Array = EMPTY,
): string | Uint8Array<ArrayBuffer> {
  const json = JSON.stringify(head);
  if (payload.byteLength === 0) return json;
  const text = encoder.encode(json);
  const message = new Uint8Array(HEAD_LENGTH + text.byteLength + payload.byteLength);
  new DataView(message.buffer).setUint32(0, text.byteLength);
  message.set(text, HEAD_LENGTH);
  message.set(payload, HEAD_LENGTH + text.byteLength);
  return message;
}

/**
 * Reads a frame that `encodeFrame` spelled. The payload is a view into `message`, not a copy.
 * @param isCommon knows the commonest heads by sight (common-frames.ts)
 * @throws SyntaxError, RangeError or ZodError on anything else
 */
export function decodeFrame<Schema extends z.ZodType>(
  schema: Schema,
  message: string | ArrayBuffer | Uint8Array,
  isCommon: (head: unknown) => head is z.infer<Schema> = (_head): _head is never => false,
): Frame<z.infer<Schema>> {
  const read = (text: string): z.infer<Schema> => {
    const head: unknown = JSON.parse(text);
    return isCommon(head) ? head : schema.parse(head);
  };
  if (typeof message === "string") return { head: read(message), payload: EMPTY };
  const bytes = message instanceof Uint8Array ? message : new Uint8Array(message);
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
  const head = bytes.subarray(HEAD_LENGTH, HEAD_LENGTH + length);
  if (head.byteLength !== length) throw new RangeError("the frame is shorter than its head");
  return {
    head: read(decoder.decode(head)),
    payload: bytes.subarray(HEAD_LENGTH + length),
  };
}

/** Sent by the agent as text while the link idles; the edge's runtime answers it without waking the object. */
export const PING = "ping";
export const PONG = "pong";

/** Bytes of an answer that may be on the link unacknowledged (design 4). */
export const FRAME_WINDOW = 1_048_576;
/** The largest payload of one frame, bytes. */
export const FRAME_PAYLOAD = 262_144;
/** The largest segment that comes as a POST, bytes: under the smallest body limit of a deployed edge. */
export const POST_SEGMENT = 67_108_864;

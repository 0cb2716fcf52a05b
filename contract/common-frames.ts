import type { AgentFrame, EdgeFrame } from "./frames.ts";
import { SESSION_ID, STREAM_ID } from "./ids.ts";

/*
 * The two frames that come by the thousand, a request and its answer, known by sight: to read them by their schemas takes
 * several times as long. Whatever is not known here the schema reads, or refuses; a test holds the two together.
 */

type RequestHead = Extract<EdgeFrame, { type: "request" }>;
type ResponseHead = Extract<AgentFrame, { type: "response" }>;

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;
/** No others besides: a schema leaves out what it does not know. */
const hasOnly = (fields: Fields, count: number): boolean => Object.keys(fields).length === count;

const isText = (value: unknown): value is string => typeof value === "string";
const isMatch = (value: unknown, pattern: RegExp): boolean => isText(value) && pattern.test(value);
const isWhole = (value: unknown, least: number, most: number): boolean =>
  typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;

/** A list of header names and values. */
const isHeaders = (value: unknown): value is [string, string][] =>
  Array.isArray(value) &&
  value.every((pair) => Array.isArray(pair) && pair.length === 2 && isText(pair[0]) && isText(pair[1]));

const isPort = (target: unknown): boolean =>
  isFields(target) &&
  hasOnly(target, 4) &&
  target["kind"] === "port" &&
  isMatch(target["session"], SESSION_ID) &&
  isWhole(target["port"], 1024, 65_535) &&
  typeof target["tls"] === "boolean";

/** True of a request for a session's port. */
export const isRequest = (head: unknown): head is RequestHead =>
  isFields(head) &&
  hasOnly(head, 8) &&
  head["type"] === "request" &&
  isMatch(head["id"], STREAM_ID) &&
  isPort(head["target"]) &&
  isText(head["visitor"]) &&
  head["visitor"].length <= 128 &&
  isText(head["method"]) &&
  isText(head["path"]) &&
  isHeaders(head["headers"]) &&
  (head["body"] === "none" || head["body"] === "inline" || head["body"] === "stream");

/** True of an answer's head. */
export const isResponse = (head: unknown): head is ResponseHead =>
  isFields(head) &&
  hasOnly(head, 6) &&
  head["type"] === "response" &&
  isMatch(head["id"], STREAM_ID) &&
  isWhole(head["status"], 200, 599) &&
  isHeaders(head["headers"]) &&
  (head["length"] === null || isWhole(head["length"], 0, Number.MAX_SAFE_INTEGER)) &&
  typeof head["end"] === "boolean";

import { z } from "zod";
import { BerthError } from "./problem.ts";
import { parseSlug } from "./slug.ts";

/** What the status of a service amounts to; the raw text is shown while it is pending. */
export type Phase = "pending" | "running" | "failed" | "canceled" | "completed";

/** A session's service.json (design 3.1), read. */
export type ServiceJson = {
  /** `me` for HTTP, `sme` for HTTPS. */
  scheme: "me" | "sme";
  /** The port on the workspace; undefined while it is not known. */
  port: number | undefined;
  /** As the file spells it; `parseSlug` reads it. */
  slug: string;
  /** As the file spells it, trimmed. */
  status: string;
  phase: Phase;
  /** Empty unless the phase is `failed`. */
  error: string;
  stripPrefix: boolean;
};

/** What Berth itself sets. The phase follows from the status. */
export type ServiceJsonChanges = Partial<Omit<ServiceJson, "phase" | "port"> & { port: number }>;

/** The largest service.json that is read, bytes. */
export const SERVICE_JSON_LIMIT = 262_144;

const STATUS_LIMIT = 1024;
const ERROR_LIMIT = 16_384;

/** By the trimmed, case-folded JOB_STATUS. Any other status is pending. */
const PHASES: ReadonlyMap<string, Phase> = new Map([
  ["running", "running"],
  ["r", "running"],
  ["failed", "failed"],
  ["canceled", "canceled"],
  ["cancelled", "canceled"],
  ["completed", "completed"],
]);

const quoted = (value: unknown): string => JSON.stringify(value).slice(0, 200);

const text = (key: string) =>
  z
    .string({ error: `${key} must be text` })
    .nullish()
    .transform((value) => value ?? "");

const Port = z
  .union([z.string(), z.number()], { error: "PORT must be a number or text" })
  .nullish()
  .transform((value, context) => {
    if (value === undefined || value === null || value === "") return undefined;
    // Number() takes more for a number than a port has spellings: " 8080", "1e4", "0x1F90".
    const port = /^[1-9][0-9]{3,4}$/.test(String(value)) ? Number(value) : 0;
    if (port >= 1024 && port <= 65_535) return port;
    context.issues.push({
      code: "custom",
      message: `PORT must be from 1024 to 65535; it is ${quoted(value)}`,
      input: value,
    });
    return z.NEVER;
  });

const Fields = z.object({
  URL: z
    .enum(["/me", "/sme"], { error: ({ input }) => `URL must be "/me" or "/sme"; it is ${quoted(input)}` })
    .nullish(),
  PORT: Port,
  SLUG: text("SLUG"),
  JOB_STATUS: text("JOB_STATUS").transform((status) => status.trim().slice(0, STATUS_LIMIT)),
  ERROR_MESSAGE: z.unknown().optional(),
  STRIP_PREFIX: z
    .union([z.boolean(), z.enum(["true", "false"]).transform((value) => value === "true")], {
      error: "STRIP_PREFIX must be true or false",
    })
    .nullish()
    .transform((value) => value ?? true),
});

/** What came of reading the file. `raw` is every key of it, for `composeServiceJson`. */
export type ServiceJsonReading =
  | { ok: true; value: ServiceJson; raw: Record<string, unknown> }
  | { ok: false; reason: string };

const broken = (reason: string): { ok: false; reason: string } => ({ ok: false, reason });

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function readJson(
  source: string,
): { ok: true; raw: Record<string, unknown> } | { ok: false; reason: string } {
  try {
    // Some editors put a byte order mark in front, which is not JSON (RFC 8259, 8.1).
    const raw: unknown = JSON.parse(source.replace(/^\uFEFF/, ""));
    if (!isRecord(raw)) return broken("it is not a JSON object");
    // What is nested too deeply to be spelled again could not be kept when Berth writes.
    JSON.stringify(raw);
    return { ok: true, raw };
  } catch (error) {
    return broken(
      error instanceof RangeError ? "it is nested too deeply" : `it is not JSON: ${String(error)}`,
    );
  }
}

function slugFault(slug: string): string | undefined {
  try {
    parseSlug(slug);
    return undefined;
  } catch (error) {
    if (error instanceof BerthError) return error.message;
    throw error;
  }
}

/** Reads the text of a service.json (design 3.1). What cannot be read is a value too: the file may be half written. */
export function parseServiceJson(source: string): ServiceJsonReading {
  if (source.length > SERVICE_JSON_LIMIT) return broken("it is too large");
  const json = readJson(source);
  if (!json.ok) return json;
  const fields = Fields.safeParse(json.raw);
  if (!fields.success) return broken(fields.error.issues[0]?.message ?? "it does not fit its schema");
  const { URL, PORT, SLUG, JOB_STATUS, ERROR_MESSAGE, STRIP_PREFIX } = fields.data;

  const phase = PHASES.get(JOB_STATUS.toLowerCase()) ?? "pending";
  if (phase === "running" && PORT === undefined)
    return broken(`PORT is missing although JOB_STATUS is ${quoted(JOB_STATUS)}`);
  const fault = slugFault(SLUG);
  if (fault !== undefined) return broken(fault);
  const error = phase === "failed" ? (ERROR_MESSAGE ?? "") : "";
  if (typeof error !== "string") return broken("ERROR_MESSAGE must be text");

  const value: ServiceJson = {
    scheme: URL === "/sme" ? "sme" : "me",
    port: PORT,
    slug: SLUG,
    status: JOB_STATUS,
    phase,
    error: error.slice(0, ERROR_LIMIT),
    stripPrefix: STRIP_PREFIX,
  };
  return { ok: true, value, raw: json.raw };
}

/** The keys of design 3.1 in its order, so that a file is complete from its first writing on. */
const BLANK = { URL: "/me", PORT: "", SLUG: "", JOB_STATUS: "", ERROR_MESSAGE: "" };

/**
 * Spells a service.json: our changes over the keys that the file has now, unknown ones included. The keys of
 * the contract come first; the rest keeps its order.
 * @param previousRaw `raw` of the last reading; `{}` for a new file
 */
export function composeServiceJson(
  previousRaw: Readonly<Record<string, unknown>>,
  changes: ServiceJsonChanges,
): string {
  const { scheme, port, slug, status, error, stripPrefix } = changes;
  const file = {
    ...BLANK,
    ...previousRaw,
    ...(scheme !== undefined && { URL: `/${scheme}` }),
    ...(port !== undefined && { PORT: String(port) }),
    ...(slug !== undefined && { SLUG: slug }),
    ...(status !== undefined && { JOB_STATUS: status }),
    ...(error !== undefined && { ERROR_MESSAGE: error }),
    ...(stripPrefix !== undefined && { STRIP_PREFIX: stripPrefix }),
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

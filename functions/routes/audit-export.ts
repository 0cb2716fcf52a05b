import type { Env } from "../env.ts";
import type { AuditQuery } from "../registry/audit-log.ts";
import { registryPart } from "../registry/parts.ts";

/** Lines that are asked of the registry at once. */
const PAGE = 500;

/** The audit log as JSON lines, oldest first: page by page, as fast as its reader takes them. */
export function auditLines(
  env: Env,
  query: AuditQuery,
  after: number | undefined,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let beyond = after;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const page = { order: "oldest", beyond, limit: PAGE } as const;
      const lines = await registryPart(env, "auditLog").page(query, page);
      beyond = lines.at(-1)?.id;
      if (lines.length > 0)
        controller.enqueue(encoder.encode(lines.map((line) => `${JSON.stringify(line)}\n`).join("")));
      if (lines.length < PAGE) controller.close();
    },
  });
}

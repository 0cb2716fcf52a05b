import { BerthError } from "../../contract/problem.ts";
import { renderSlug, parseSlug } from "../../contract/slug.ts";
import { type CanceledBy, isEnded, type Session, type SessionReport } from "../../contract/session.ts";
import type { StoredSession } from "./store.ts";

const iso = (time: number | undefined): string | null =>
  time === undefined ? null : new Date(time).toISOString();

/** The agent reports no slug that it cannot read; one that only this edge cannot read leaves the session its address. */
function slugOf(report: SessionReport, host: string, now: number): string {
  try {
    return renderSlug(parseSlug(report.slug), { now, host });
  } catch (error) {
    if (error instanceof BerthError) return "";
    throw error;
  }
}

function sessionUrl(
  report: SessionReport | null,
  host: string,
  now: number,
): { url: string | null; slug: string } {
  if (report === null) return { url: null, slug: "" };
  const slug = slugOf(report, host, now);
  return { url: report.port === undefined ? null : `/${report.scheme}/${report.port}/${slug}`, slug };
}

/**
 * A session as the API shows it.
 * @param context.host the host, with port, on which session URLs are opened
 * @param context.now milliseconds since 1970
 */
export function sessionView(
  stored: StoredSession,
  context: { reachable: boolean; host: string; now: number; canceledBy?: CanceledBy | null },
): Session {
  const { spec, want, report } = stored;
  const state = report?.state ?? "submitted";
  return {
    id: spec.id,
    name: spec.name,
    service: spec.service,
    placement: spec.placement,
    resource: spec.resource ?? null,
    scheduler: spec.scheduler ?? null,
    state,
    status: report?.status ?? (context.reachable ? "Submitted" : "Waiting for the workspace to connect"),
    error: state === "failed" ? (report?.error ?? "") : "",
    reachable: context.reachable || isEnded(state),
    canceling: want === "cancel" && !isEnded(state),
    canceledBy: context.canceledBy ?? null,
    ...sessionUrl(report, context.host, context.now),
    port: report?.port ?? null,
    jobId: report?.jobId ?? null,
    node: report?.node ?? null,
    createdAt: new Date(spec.createdAt).toISOString(),
    submittedAt: iso(report?.submittedAt),
    jobStartedAt: iso(report?.jobStartedAt),
    startedAt: iso(report?.startedAt),
    endedAt: iso(report?.endedAt),
    endsAt: iso(report?.endsAt),
    queue: {
      position: report?.queue?.position ?? null,
      reason: report?.queue?.reason ?? null,
      estimatedStart: iso(report?.queue?.estimatedStart),
    },
    trouble: isEnded(state) ? null : (report?.trouble ?? null),
  };
}

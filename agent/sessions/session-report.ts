import type { SessionId } from "../../contract/ids.ts";
import type { ServiceJson } from "../../contract/service-json.ts";
import { renderSlug, parseSlug } from "../../contract/slug.ts";
import { type SessionReport, TEXT_LIMITS } from "../../contract/session.ts";
import type { ReadinessTarget } from "../readiness.ts";
import type { Launch, Outcome } from "./record.ts";
import type { JobFacts } from "./runner.ts";
import { NO_JOB } from "./runner.ts";

/** What is told of a session that nothing has been started for. */
export const submittedReport = (id: SessionId): SessionReport => ({
  id,
  state: "submitted",
  status: "Submitted",
  error: "",
  scheme: "me",
  slug: "",
  stripPrefix: true,
});

/** What the record knows of a session's job, before its cluster has been asked. */
export function jobOf(launch: Launch): JobFacts {
  if (launch.where === "workspace") return NO_JOB;
  const { jobId, node, endsAt } = launch;
  return {
    progress: node !== undefined ? "started" : jobId !== undefined ? "queued" : "submitted",
    ...(jobId !== undefined && { jobId }),
    ...(node !== undefined && { node }),
    ...(endsAt !== undefined && { endsAt }),
  };
}

/** When the job was taken and when it began, as far as there is one. */
function jobTimes(launch: Launch): Pick<SessionReport, "submittedAt" | "jobStartedAt"> {
  if (launch.where === "workspace") return {};
  const { submittedAt, jobStartedAt } = launch;
  return {
    ...(submittedAt !== undefined && { submittedAt }),
    ...(jobStartedAt !== undefined && { jobStartedAt }),
  };
}

/** Without the numbers that are none: a time that a scheduler spells so that no clock has it. */
const countable = <Told extends object>(told: Told): Told =>
  Object.fromEntries(
    Object.entries(told).filter(([, value]) => typeof value !== "number" || Number.isSafeInteger(value)),
  ) as Told;

/** A report as the link carries it: of what others say, such as a scheduler, no more than fits. */
export function fitting(report: SessionReport): SessionReport {
  const { status, error, trouble, node, jobId, queue } = report;
  const short = (text: string): string => text.slice(0, TEXT_LIMITS.short);
  return {
    ...countable(report),
    status: status.slice(0, TEXT_LIMITS.status),
    error: error.slice(0, TEXT_LIMITS.error),
    ...(trouble !== undefined && { trouble: trouble.slice(0, TEXT_LIMITS.trouble) }),
    ...(node !== undefined && { node: short(node) }),
    ...(jobId !== undefined && { jobId: short(jobId) }),
    ...(queue !== undefined && {
      queue: {
        ...countable(queue),
        ...(queue.reason !== undefined && { reason: short(queue.reason) }),
      },
    }),
  };
}

/**
 * What is told of a session that lives: what its service.json says.
 * @param port where the service may be reached; undefined when the file names none
 */
export function liveReport(
  id: SessionId,
  launch: Launch,
  file: ServiceJson,
  port: number | undefined,
  { progress, ...job }: JobFacts,
): SessionReport {
  const { scheme, slug, status, stripPrefix, phase } = file;
  // An end that the file already tells is told once it is one.
  const isUp = phase === "running" || (phase !== "pending" && launch.readyAt !== undefined);
  return fitting({
    id,
    state: isUp ? "running" : progress === "started" ? "starting" : progress,
    status,
    error: "",
    scheme,
    slug,
    stripPrefix,
    ...jobTimes(launch),
    ...(launch.readyAt !== undefined && { startedAt: launch.readyAt }),
    ...(port !== undefined && { port }),
    ...job,
  });
}

/** What is told of a session that is over: the last that was told of it, and how it ended. */
export function endedReport(last: SessionReport, outcome: Outcome, endedAt: number): SessionReport {
  const { queue: _queue, trouble: _trouble, ...kept } = last;
  return fitting({ ...kept, ...outcome, endedAt: last.endedAt ?? endedAt });
}

/** Where a service's readiness is asked for: the path that a browser will ask for, or the one that service.yaml names. */
export function readinessTarget(launch: Launch, file: ServiceJson, port: number): ReadinessTarget {
  const { scheme, slug, stripPrefix } = file;
  const prefix = stripPrefix ? "" : `/${scheme}/${port}`;
  const path =
    launch.readiness.path ??
    `/${renderSlug(parseSlug(slug), { now: Date.now(), host: `127.0.0.1:${port}` })}`;
  return { port, tls: scheme === "sme", path: prefix + path };
}

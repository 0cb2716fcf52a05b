import type { Report } from "../../reports.ts";
import { parseReports } from "../../reports.ts";
import type { FileFollower } from "../../resources/file-follower.ts";
import type { RemoteDirectory } from "./remote-directory.ts";

/** Longer than any report, bytes. */
const LONGEST = 65_536;

/**
 * Follows what a service's controller.sh reports: there is no tunnel yet, so its `reports` is read as its log is. An agent
 * that comes back reads it from the beginning.
 */
export function followPreparation(
  files: FileFollower,
  remote: RemoteDirectory,
  onReport: (report: Report) => Promise<void>,
): Disposable {
  let rest = Buffer.alloc(0);
  return files.follow({
    path: remote.file("controller/reports"),
    offset: 0,
    onBytes: async (bytes) => {
      const pending = Buffer.concat([rest, bytes]);
      const { reports, consumed } = parseReports(pending);
      // What ends nowhere is nobody's report; and a copy keeps no more than it is in memory.
      const left = pending.subarray(consumed);
      rest = left.length > LONGEST ? Buffer.alloc(0) : Buffer.from(left);
      for (const { report } of reports) await onReport(report);
    },
  });
}

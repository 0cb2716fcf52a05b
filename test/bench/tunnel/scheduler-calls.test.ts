import { describe, expect, it } from "vitest";
import { jobQueries } from "../../../bench/tunnel/scheduler-calls.ts";

/** What sdiag(1) of Slurm 22.05.8 says, in parts. */
const SAID = `
Remote Procedure Call statistics by message type
	REQUEST_PARTITION_INFO                  ( 2009) count:3      ave_time:254    total_time:762
	REQUEST_JOB_INFO                        ( 2003) count:12     ave_time:220    total_time:440
	REQUEST_JOB_INFO_SINGLE                 ( 2021) count:30     ave_time:185    total_time:555
	REQUEST_NODE_INFO                       ( 2007) count:1      ave_time:336    total_time:336

Remote Procedure Call statistics by user
	root            (       0) count:4      ave_time:338    total_time:1354
`;

describe("the calls that slurmctld counts", () => {
  it("are those for jobs, for all of them or for one", () => {
    expect(jobQueries(SAID)).toBe(42);
  });

  it("are none where nobody has asked yet", () => {
    expect(jobQueries("Remote Procedure Call statistics by message type\n")).toBe(0);
  });
});

/** Why a job waits, for those who do not know Slurm (squeue(1) JOB REASON CODES; resource_limits.html). The first that fits. */
const REASONS: readonly [RegExp, string][] = [
  [/^Priority$/, "Jobs of a higher priority are before it"],
  [/^Resources$/, "It is next, and waits until enough nodes are free"],
  [/^BeginTime$/, "Its earliest start time has not come yet"],
  [/^Cleaning$/, "Its last run is still being cleaned up"],
  [/^Dependency$/, "It waits for another job"],
  [/^DependencyNeverSatisfied$/, "It waits for another job that can no longer end as it must: cancel it"],
  [/^JobHeldUser$/, "You hold it: release it with scontrol release"],
  [/^JobHeldAdmin$/, "An administrator holds it: ask the site's support"],
  [/^Licenses$/, "It waits for a license"],
  [/^Reservation$/, "It waits for its reservation to begin"],
  [/^ReservationDeleted$/, "Its reservation was deleted: cancel it"],
  [/^Prolog$/, "The site's prolog program runs"],
  [/^PartitionDown$/, "The partition is down and starts no jobs: wait, or choose another partition"],
  [/^PartitionInactive$/, "The partition is inactive: wait, or choose another partition"],
  [/^PartitionTimeLimit$/, "It asks for more time than the partition allows: cancel it and ask for less"],
  [
    /^(?:PartitionNodeLimit|PartitionConfig)$/,
    "It asks for more nodes or CPUs than the partition has or allows: cancel it and ask for fewer",
  ],
  [/^BadConstraints$/, "No node can satisfy what it asks for: cancel it and ask for less"],
  [/^AccountNotAllowed$/, "The partition does not take this account: cancel it and choose another"],
  [/^QOSNotAllowed$/, "The partition does not take this QOS: cancel it and choose another"],
  [/^InvalidAccount$/, "Slurm does not know its account: cancel it and choose another"],
  [/^InvalidQOS$/, "Slurm does not know its QOS: cancel it and choose another"],
  [/^(?:ReqNodeNotAvail|NodeDown|FrontEndDown)/, "Nodes it needs are down, drained or reserved"],
  [/^launch failed requeued held$/i, "It could not be started, and is held: cancel it"],
  [
    /^(?:AssociationJobLimit|AssocMaxJobsLimit|AssocGrpJobsLimit|AssocGrpSubmitJobsLimit)$/,
    "Your account has its greatest number of jobs",
  ],
  [
    /^(?:QOSJobLimit|QOSMaxJobs(?:PerUser|PerAccount)Limit|QOSGrpJobsLimit)$/,
    "Its QOS has its greatest number of jobs",
  ],
  [
    /^Assoc(?:Max|iation).*(?:PerJob|Wall|TimeLimit)/,
    "It asks for more than your account allows a job: cancel it and ask for less",
  ],
  [
    /^QOS(?:Max|Time).*(?:PerJob|Wall|TimeLimit)/,
    "It asks for more than its QOS allows a job: cancel it and ask for less",
  ],
  [/^Assoc/, "Your account has reached a limit of its resources"],
  [/^QOS/, "Its QOS has reached a limit of its resources"],
  [/^MaxMemPerLimit$/, "It asks for more memory than is allowed: cancel it and ask for less"],
];

/** A waiting job's reason as a sentence, Slurm's own word behind it. Unknown ones as they are; none where Slurm has none. */
export function waitingReason(reason: string): string | undefined {
  if (reason === "" || reason === "None" || reason === "(null)") return undefined;
  const sentence = REASONS.find(([pattern]) => pattern.test(reason))?.[1];
  return sentence === undefined ? reason : `${sentence} (${reason})`;
}

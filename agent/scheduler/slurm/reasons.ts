/** Why a job waits, for those who do not know Slurm (squeue(1) JOB REASON CODES; resource_limits.html). The first that fits. */
const REASONS: readonly [RegExp, string][] = [
  [/^Priority$/, "Jobs of a higher priority are before it"],
  [/^Resources$/, "It is next, and waits until enough nodes are free"],
  [/^BeginTime$/, "Its earliest start time has not come yet"],
  [/^Cleaning$/, "Its last run is still being cleaned up"],
  [/^Dependency$/, "It waits for another job"],
  [/^DependencyNeverSatisfied$/, "It waits for another job that can no longer end as it must"],
  [/^JobHeldUser$/, "You hold it: release it with scontrol release"],
  [/^JobHeldAdmin$/, "An administrator holds it: ask the site's support"],
  [/^Licenses$/, "It waits for a license"],
  [/^Reservation$/, "It waits for its reservation to begin"],
  [/^ReservationDeleted$/, "Its reservation was deleted"],
  [/^Prolog$/, "The site's prolog program runs"],
  [/^PartitionDown$/, "The partition is down and starts no jobs: wait, or choose another partition"],
  [/^PartitionInactive$/, "The partition is inactive: wait, or choose another partition"],
  [/^PartitionTimeLimit$/, "It asks for more time than the partition allows: ask for less"],
  [
    /^(?:PartitionNodeLimit|PartitionConfig)$/,
    "It asks for more nodes or CPUs than the partition has or allows: ask for fewer",
  ],
  [/^BadConstraints$/, "No node can satisfy what it asks for: ask for less"],
  [/^AccountNotAllowed$/, "The partition does not take this account: choose another"],
  [/^QOSNotAllowed$/, "The partition does not take this QOS: choose another"],
  [/^InvalidAccount$/, "Slurm does not know its account: choose another"],
  [/^InvalidQOS$/, "Slurm does not know its QOS: choose another"],
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
    "It asks for more than your account allows a job: ask for less",
  ],
  [/^QOS(?:Max|Time).*(?:PerJob|Wall|TimeLimit)/, "It asks for more than its QOS allows a job: ask for less"],
  [/^Assoc/, "Your account has reached a limit of its resources"],
  [/^QOS/, "Its QOS has reached a limit of its resources"],
  [/^MaxMemPerLimit$/, "It asks for more memory than is allowed: ask for less"],
];

/**
 * What no waiting changes: the job is as its request made it. (Slurm takes such jobs unless EnforcePartLimits says
 * otherwise, slurm.conf(5).)
 */
const NEVER =
  /^(?:Partition(?:TimeLimit|NodeLimit|Config)|(?:Account|QOS)NotAllowed|Invalid(?:Account|QOS)|MaxMemPerLimit|DependencyNeverSatisfied|ReservationDeleted|(?:Assoc|QOS)Max.*PerJob.*)$/;

/** Whether a job that waits for this reason will never start. */
export const neverStarts = (reason: string): boolean => NEVER.test(reason);

/** A waiting job's reason as a sentence, Slurm's own word behind it. Unknown ones as they are; none where Slurm has none. */
export function waitingReason(reason: string): string | undefined {
  if (reason === "" || reason === "None" || reason === "(null)") return undefined;
  const sentence = REASONS.find(([pattern]) => pattern.test(reason))?.[1];
  return sentence === undefined ? reason : `${sentence} (${reason})`;
}

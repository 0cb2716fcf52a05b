import type { Scheduler } from "../../agent/scheduler/scheduler.ts";
import { START_LOCK } from "../../agent/script/parts.ts";
import { quote } from "../../agent/script/quote.ts";
import type { Shell } from "../../agent/ssh/shell.ts";
import type { Partition } from "../../contract/resource.ts";
import type { SchedulerRequest } from "../../contract/session.ts";

/** Where a scheduler is tried. */
export type Site = {
  scheduler: Scheduler;
  shell: Shell;
  /** A directory of the user's on the cluster, which all its hosts share. */
  home: string;
  /** The names that jobs' nodes have. */
  nodes: readonly string[];
  /** Makes the scheduler answer no more, until disposed of. */
  stop: () => Promise<AsyncDisposable>;
};

/** What there is only where jobs wait for nodes. */
export type BatchSite = Site & {
  /** A partition on which jobs start at once. */
  partition: string;
  /** What `partitions` is to tell of it. */
  listed: Partial<Partition>;
  /** A partition that somebody else's job fills up until disposed of. */
  fill: () => Promise<AsyncDisposable & { partition: string }>;
  /** Brings forward the end of a running job's walltime. */
  expire: (jobId: string) => Promise<void>;
  /** What the site refuses, and the words in which it does. */
  refusals: readonly { what: string; request: SchedulerRequest; words: RegExp }[];
  /** A directive of the user's own that the scheduler takes, whose value would run a program were a shell to read it. */
  hostileDirective: (command: string) => string;
};

/**
 * A session's script as far as a scheduler knows it: it takes the start lock, runs a command, and leaves `exit`; at TERM
 * it ends the command first.
 */
export const sessionScript = (
  session: string,
  directory: string,
  command: string,
): string => `#!/usr/bin/env bash
export BERTH_SESSION_ID=${session}
cd -- ${quote(directory)} || exit 74
${START_LOCK}
exec >>log 2>&1 </dev/null
# It may come before there is a child, and ends the wait for one before that has ended.
trap 'canceled=1; [[ -z $child ]] || kill "$child"' TERM
bash -c ${quote(command)} &
child=$!
[[ -z $canceled ]] || kill "$child"
wait "$child"
code=$?
if [[ -n $canceled ]]; then
  wait "$child"
  code=143
fi
echo "$code" >exit
exit "$code"
`;

export const hasNodes = (site: Site | BatchSite): site is BatchSite => "partition" in site;

/** A line of sdiag(1): `REQUEST_JOB_INFO    ( 2003) count:2      ave_time:220    total_time:440`. */
const JOB_INFO = /^\s*REQUEST_JOB_INFO(?:_SINGLE)?\s.*?\bcount:(\d+)/gm;

/** How often slurmctld has been asked for jobs, as squeue does once, since its statistics begin. @param text sdiag's */
export const jobQueries = (text: string): number =>
  [...text.matchAll(JOB_INFO)].reduce((sum, [, count]) => sum + Number(count), 0);

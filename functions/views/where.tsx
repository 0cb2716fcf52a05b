import type { Session } from "../../contract/session.ts";

/** A number with what it counts: `1 GPU`, `2 GPUs`. */
export const counted = (number: number, noun: string): string =>
  `${number} ${noun}${number === 1 ? "" : "s"}`;

/** Where a session runs, one fact after the other, as far as it is known; `brief` where its steps stand below. */
export function Where({ session, brief = false }: { session: Session; brief?: boolean }) {
  const { placement, resource, scheduler, node, jobId } = session;
  const { partition, gpus = 0 } = scheduler ?? {};
  if (resource === null) return <span>{placement}</span>;
  return (
    <>
      <span>{resource}</span>
      {placement === "compute" ? null : <span>{placement}</span>}
      {partition === undefined ? null : <span>{partition}</span>}
      {node === null || brief ? null : <span>node {node}</span>}
      {gpus === 0 ? null : <span>{counted(gpus, "GPU")}</span>}
      {jobId === null || brief || placement !== "compute" ? null : <span>job {jobId}</span>}
    </>
  );
}

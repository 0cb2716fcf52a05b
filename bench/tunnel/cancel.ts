import type { Measure } from "../measure.ts";
import { poll } from "../poll.ts";
import type { TunnelStage } from "./stage.ts";
import { COMPUTE } from "./stage.ts";

/** How soon the nodes of a cancelled session are somebody else's. */
export const cancelMeasure: Measure<TunnelStage> = {
  name: "cancel",
  about: "cancel of a running job to the job gone from squeue",
  async run({ berth: { api }, cluster: { slurm }, rounds, signal }) {
    const samples: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const { id } = await api.launch("bench", COMPUTE);
      const { jobId } = await api.running(id);
      const isListed = async (): Promise<boolean> => (await slurm.queue()).some((job) => job.id === jobId);
      if (!(await isListed())) throw new Error(`squeue does not list the running job ${jobId}`);
      const asked = performance.now();
      await api.askToCancel(id);
      const isGone = async (): Promise<boolean> => !(await isListed());
      await poll(isGone, { timeoutMs: 60_000, what: "the end of the job", signal, everyMs: 50 });
      samples.push((performance.now() - asked) / 1000);
      await api.cancel(id);
    }
    return [
      {
        measure: "Cancel → job gone from the queue",
        unit: "s",
        samples: { berth: samples },
        wanted: { of: "value", at: "most", limit: 3 },
      },
    ];
  },
};

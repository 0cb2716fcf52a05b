import { receiveFlood, sendFlood } from "../load/socket.ts";
import type { TransferOptions } from "../load/transfer.ts";
import { download, upload } from "../load/transfer.ts";
import type { Measure, Stage } from "../measure.ts";
import { interleave, pick } from "../measure.ts";
import type { Target } from "../target.ts";

type Transfer = {
  name: string;
  measure: string;
  bytes: number;
  /** Bytes per second. */
  run: (target: Target, options: TransferOptions) => Promise<number>;
  /** Times the peer's rate; null where it is told for the reader's sake. */
  least: number | null;
};

const TRANSFERS: readonly Transfer[] = [
  { name: "download", measure: "1 GiB download", bytes: 2 ** 30, run: download, least: 0.7 },
  { name: "upload", measure: "1 GiB upload", bytes: 2 ** 30, run: upload, least: 0.7 },
  {
    name: "receive",
    measure: "256 MiB WebSocket, service to client",
    bytes: 2 ** 28,
    run: receiveFlood,
    least: 0.4,
  },
  {
    name: "send",
    measure: "256 MiB WebSocket, client to service",
    bytes: 2 ** 28,
    run: sendFlood,
    least: 0.4,
  },
];

const TUNNEL_TRANSFERS: readonly Transfer[] = [
  { name: "download", measure: "256 MiB download", bytes: 2 ** 28, run: download, least: 1.5 },
  { name: "upload", measure: "256 MiB upload", bytes: 2 ** 28, run: upload, least: null },
];

/** One large body or flood of messages at a time: the rate of a single stream. */
const transferMeasure = ({ name, measure, bytes, run, least }: Transfer): Measure<Stage> => ({
  name,
  about: `${measure}: rate`,
  async run(stage) {
    const rates = await interleave(stage, (target, signal) => run(target, { bytes, signal }));
    return [
      {
        measure,
        unit: "MB/s",
        samples: pick(rates, (rate) => rate / 1e6),
        wanted: least === null ? null : { of: "ratio", at: "least", limit: least },
      },
    ];
  },
});

export const transferMeasures = TRANSFERS.map(transferMeasure);

/** The same through a tunnel, where the rates are a tenth. */
export const tunnelTransferMeasures = TUNNEL_TRANSFERS.map(transferMeasure);

import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Below what the kernel gives to a `bind(0)` and to outgoing connections (ip(7), ip_local_port_range): between the look and
 * the use nobody gets a port of these who does not ask for its very number.
 */
const [FIRST, LAST] = [10_240, 32_767] as const;
/** As many as each worker has for itself: two that look at the same time find different ones. */
const SHARE = 512;
const SHARES = Math.floor((LAST - FIRST + 1) / SHARE);

const first = FIRST + (Number(process.env["VITEST_POOL_ID"] ?? 0) % SHARES) * SHARE;
let turn = randomInt(SHARE);

/** A port that nothing listens on, for a program that must be told its port. A file of tests gets none twice. */
export async function freePort(): Promise<number> {
  for (let looks = 0; looks < SHARE; looks += 1) {
    const port = first + (turn++ % SHARE);
    if (await isFree(port)) return port;
  }
  throw new Error(`none of the ports ${first} to ${first + SHARE - 1} is free`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}

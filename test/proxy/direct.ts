import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Exposed, ProxySubject, ServiceUnderTest } from "./subject.ts";

/** Runs a service with this very Node until disposed; `port` is where it listens. */
async function run(service: ServiceUnderTest): Promise<{ port: number; stop: () => Promise<void> }> {
  const flags = [...(service.tls ? ["--tls"] : []), ...(service.strip ? [] : ["--keep"])];
  const child = spawn(process.execPath, [service.program, "--port", "0", ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout });
  const exit = once(child, "exit");
  const [line] = (await Promise.race([once(lines, "line"), exit])) as [unknown];
  const port = /^listening (\d+)$/.exec(String(line))?.[1];
  if (port === undefined) throw new Error(`${service.program} did not start: ${String(line)}`);
  return {
    port: Number(port),
    stop: async () => {
      child.kill("SIGKILL");
      await exit;
    },
  };
}

/** The service itself, without a proxy: shows that what the suite expects is what a service does. */
export class DirectSubject implements ProxySubject {
  readonly #running = new Set<() => Promise<void>>();

  async expose(service: ServiceUnderTest): Promise<Exposed> {
    const { port, stop } = await run(service);
    this.#running.add(stop);
    const prefix = service.strip ? "" : `/${service.tls ? "sme" : "me"}/${port}`;
    const base = new URL(`${service.tls ? "https" : "http"}://127.0.0.1:${port}${prefix}`);
    return {
      base,
      headers: [],
      entry: new URL(`${base.href.replace(/\/$/, "")}/${service.slug}`),
      port,
      browser: () => Promise.resolve({ base, headers: [] }),
      close: async () => {
        this.#running.delete(stop);
        await stop();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running].map((stop) => stop()));
  }
}

import { type RunningService, runService } from "./service-script.ts";

export const BASH = { SHELL: "/bin/bash" };

/** A web shell that answers, with bash in it. */
export async function webShell(options: Parameters<typeof runService>[1] = {}): Promise<RunningService> {
  const service = await runService("webshell", { environment: BASH, ...options });
  await service.answer("/");
  return service;
}

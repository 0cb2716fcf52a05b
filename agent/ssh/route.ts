import { spawn } from "node:child_process";
import { connect } from "node:net";
import { Duplex } from "node:stream";
import type { HostConfig } from "./ssh-config.ts";
import { SshError } from "./trouble.ts";
import { untilAborted } from "./until-aborted.ts";

/** The bytes' way to a host's sshd. `failure` says in our words what an error of it or its early end means. */
export type Route = {
  stream: Duplex;
  failure: (error: Error | undefined) => SshError;
  /** Ends it at once, and what it is made of. */
  end: () => void;
};

/** Resolves when connected. A host that cannot be reached does not need to be known by key. @throws SshError */
export async function directRoute(config: HostConfig, signal: AbortSignal): Promise<Route> {
  const { hostname, port, alias } = config;
  // Without no-delay small packets wait for the acknowledgement of those before: 44 ms each.
  const socket = connect({ host: hostname, port, noDelay: true, keepAlive: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const failure = (error: Error | undefined): SshError =>
    new SshError("unreachable", `Cannot reach "${alias}" at ${hostname}:${port}: ${reason(error)}.`, {
      cause: error,
    });
  socket.once("connect", resolve).on("error", (error) => reject(failure(error)));
  // The signal is of the attempt alone: the time limit in it passes while the connection lives.
  try {
    await untilAborted(promise, signal);
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return { stream: socket, failure, end: () => socket.destroy() };
}

/** It has been silent for too long. */
export function noAnswer({ alias, hostname, port, connectTimeoutMs }: HostConfig, cause: unknown): SshError {
  return new SshError(
    "timeout",
    `"${alias}" at ${hostname}:${port} does not answer within ${connectTimeoutMs / 1000} s.`,
    { cause },
  );
}

const SAYINGS: Readonly<Record<string, string>> = {
  ENOTFOUND: "no such host name",
  EAI_AGAIN: "its name cannot be looked up now",
  ECONNREFUSED: "nothing listens there",
  EHOSTUNREACH: "there is no way to it",
  ENETUNREACH: "there is no way to its network",
  ETIMEDOUT: "it does not answer",
  ECONNRESET: "it closed the connection",
  EPIPE: "it closed the connection",
};

function reason(error: Error | undefined): string {
  if (error === undefined) return "it closed the connection";
  const { code } = error as NodeJS.ErrnoException;
  return SAYINGS[code ?? ""] ?? error.message;
}

/** As much of what a ProxyCommand says on standard error is kept. */
const STDERR_KEPT = 2_000;
/** How long a ProxyCommand has to end by itself; milliseconds. */
const PROXY_GRACE_MS = 2_000;

/**
 * Runs a ProxyCommand as ssh does: it is a text of the user's own configuration, for the user's own shell. It leads a
 * process group, so that a pipeline ends whole.
 */
export function commandRoute(config: HostConfig, command: string): Route {
  const shell = process.env["SHELL"] ?? "/bin/sh";
  const child = spawn(shell, ["-c", `exec ${command}`], { stdio: ["pipe", "pipe", "pipe"], detached: true });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said = `${said}${chunk.toString()}`.slice(-STDERR_KEPT);
  });
  child.stderr.on("error", () => undefined);
  let broken: Error | undefined;
  child.on("error", (error) => {
    broken = error;
  });
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  const signalGroup = (signal: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // The group is gone.
    }
  };
  let isEnded = false;
  return {
    stream,
    failure: (error) => {
      const words = [said.trim(), broken?.message, error?.message].find(
        (text) => text !== undefined && text !== "",
      );
      return new SshError(
        "proxy_failed",
        `Cannot reach "${config.alias}" by its ProxyCommand \`${command}\`: ${words ?? "it ended"}.`,
        { cause: error },
      );
    },
    end: () => {
      stream.destroy();
      if (isEnded) return;
      isEnded = true;
      signalGroup("SIGTERM");
      const timer = setTimeout(signalGroup, PROXY_GRACE_MS, "SIGKILL");
      child.once("exit", () => clearTimeout(timer));
      if (child.exitCode !== null || child.signalCode !== null) clearTimeout(timer);
    },
  };
}

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { ChannelSlots } from "./channel-slots.ts";
import { loginShellLine } from "./login-shell.ts";
import type { Dialled } from "./login.ts";
import { RemoteProcess } from "./remote-process.ts";
import type { CommandResult } from "./shell.ts";
import { SshError } from "./trouble.ts";
import { untilAborted } from "./until-aborted.ts";

type Argv = readonly [string, ...string[]];

/** What a command may write on standard output. */
const MOST_OUTPUT = 16_777_216;
/** A login shell takes no longer to come to its command, unless its startup files hang. */
const START_TIMEOUT_MS = 30_000;

/** The commands that run over one connection. */
export class Commands {
  readonly #dialled: Dialled;
  readonly #name: string;
  readonly #slots = new ChannelSlots();
  readonly #running = new Set<RemoteProcess>();
  /** Aborted with the reason when the connection is lost. */
  readonly #gone = new AbortController();
  #lost: SshError | undefined;

  /** @param name how messages call the host */
  constructor(dialled: Dialled, name: string) {
    this.#dialled = dialled;
    this.#name = name;
    void dialled.lost.then((why) => {
      this.#lost = why;
      this.#gone.abort(why);
      // Those whose output nobody reads now would not see it.
      for (const command of this.#running) command.stop();
    });
  }

  /** Runs a command to its end. @throws SshError; the signal's reason */
  async run(argv: Argv, input: string | Buffer | undefined, signal: AbortSignal): Promise<CommandResult> {
    const command = await this.#start(argv, "short", input === undefined ? "/dev/null" : "channel", signal);
    const output: Buffer[] = [];
    let length = 0;
    command.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > MOST_OUTPUT) command.stop();
      else output.push(chunk);
    });
    // A channel whose input is ended carries no signal to its command.
    if (input !== undefined) command.end(input);
    const abort = (): void => command.stop();
    signal.addEventListener("abort", abort, { once: true });
    try {
      if (!command.closed) await once(command, "close");
    } finally {
      signal.removeEventListener("abort", abort);
    }
    if (signal.aborted) {
      // The output of a startup file that asks or waits says more than that the time is over.
      const isLate = signal.reason instanceof Error && signal.reason.name === "TimeoutError";
      if (isLate && command.startupOutput !== "") throw this.#neverRan(command);
      throw signal.reason;
    }
    if (length > MOST_OUTPUT)
      throw new SshError(
        "output_too_long",
        `"${argv[0]}" on "${this.#name}" wrote more than ${MOST_OUTPUT / 1_048_576} MiB.`,
      );
    if (!(await command.started)) throw this.#neverRan(command);
    const { exitCode, stderr } = command;
    if (exitCode === undefined) throw this.#unseen(argv);
    return { code: exitCode, stdout: Buffer.concat(output), stderr };
  }

  /** Starts a command that lives long; resolves when it runs. @throws SshError; the signal's reason */
  async open(argv: Argv, signal: AbortSignal): Promise<RemoteProcess> {
    const command = await this.#start(argv, "long", "channel", signal);
    try {
      const patience = AbortSignal.timeout(START_TIMEOUT_MS);
      const hasStarted = await untilAborted(command.started, AbortSignal.any([signal, patience])).catch(
        (error: unknown) => {
          signal.throwIfAborted();
          if (patience.aborted) return false;
          throw error;
        },
      );
      if (!hasStarted) throw this.#neverRan(command);
      return command;
    } catch (error) {
      command.stop();
      throw error;
    }
  }

  async #start(
    argv: Argv,
    kind: "short" | "long",
    input: "channel" | "/dev/null",
    signal: AbortSignal,
  ): Promise<RemoteProcess> {
    const marker = randomUUID();
    const line = loginShellLine(argv, marker, input);
    const whileUp = AbortSignal.any([signal, this.#gone.signal]);
    for (;;) {
      const slot = await this.#slots.take(kind, whileUp);
      const isAlone = this.#slots.used === 1;
      try {
        const starting = RemoteProcess.start(this.#dialled.client, line, marker);
        const command = await untilAborted(starting, signal).catch((error: unknown) => {
          // The host may still grant what nobody waits for any longer.
          if (signal.aborted)
            starting.then(
              (late) => late.stop(),
              () => undefined,
            );
          throw error;
        });
        this.#running.add(command);
        void command.channelClosed.then(() => {
          this.#running.delete(command);
          slot[Symbol.dispose]();
        });
        return command;
      } catch (error) {
        slot[Symbol.dispose]();
        signal.throwIfAborted();
        const { reason, message } = error as Error & { reason?: unknown };
        if (reason === undefined && message !== "Unable to exec") throw await this.#dialled.lost;
        if (reason === undefined || isAlone) throw this.#refused(error);
        this.#slots.limit(this.#slots.used);
      }
    }
  }

  #refused(cause: unknown): SshError {
    return new SshError(
      "channel_refused",
      `"${this.#name}" lets no command be run: ${(cause as Error).message}.`,
      { cause },
    );
  }

  #neverRan(command: RemoteProcess): SshError {
    if (this.#lost !== undefined) return this.#lost;
    const written = command.startupOutput;
    const words = written === "" ? "It wrote nothing." : `It wrote: ${written}`;
    return new SshError(
      "startup_file",
      `The login shell on "${this.#name}" does not come to the command that it is given. ${words}`,
    );
  }

  #unseen(argv: Argv): SshError {
    return (
      this.#lost ?? new SshError("closed", `The end of "${argv[0]}" on "${this.#name}" could not be seen.`)
    );
  }
}

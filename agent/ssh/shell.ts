/** How a command ended that could be run. `code` is null where a signal ended it. */
export type CommandResult = { code: number | null; stdout: Buffer; stderr: string };

export type RunOptions = {
  /** What the command reads on standard input; nothing without it. */
  input?: string | Buffer;
  /** After so long the command is given up, milliseconds. */
  timeoutMs?: number;
  signal?: AbortSignal;
};

/**
 * The command could not be run, or its end could not be seen: the host cannot be reached, the login is refused, the time
 * is over. It may have had its effect. Nothing follows from it about jobs and processes.
 */
export class CannotAsk extends Error {
  override readonly name = "CannotAsk";
}

/** Runs commands on a host, as the user. Each is an argv: no shell reads what its arguments say. */
export interface Shell {
  /**
   * Runs a command to its end.
   * @throws CannotAsk when it cannot be known how it ended; the signal's reason
   */
  run(argv: readonly [string, ...string[]], options?: RunOptions): Promise<CommandResult>;
}

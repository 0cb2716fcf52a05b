/** So long before the end of its walltime a session is warned of it, minutes. */
const WARNINGS = [10, 2] as const;
const MINUTE = 60_000;
/** What setTimeout can wait, milliseconds: days on end. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

export type WalltimeOptions = {
  /** When the job began and when the scheduler will end it; milliseconds since 1970. */
  startedAt: number;
  endsAt: number;
  /** The warnings that have been given, minutes. */
  warned: readonly number[];
};

/**
 * The next warning that is due. One whose time had come before the job began is none: who asked for five minutes
 * knows it.
 * @returns when, milliseconds since 1970, and which, minutes; undefined when there is none left
 */
export function nextWarning({
  startedAt,
  endsAt,
  warned,
}: WalltimeOptions): { at: number; minutes: number } | undefined {
  return WARNINGS.map((minutes) => ({ at: endsAt - minutes * MINUTE, minutes })).find(
    ({ at, minutes }) => at > startedAt && !warned.some((given) => given <= minutes),
  );
}

/** What the user is told. After a time without an agent it may be late, and says how much is left. */
export function warningText(name: string, endsAt: number, now: number): string {
  const minutes = Math.max(1, Math.round((endsAt - now) / MINUTE));
  return `${name} ends in ${minutes} ${minutes === 1 ? "minute" : "minutes"}: its walltime is over then. Save your work`;
}

export type WalltimeClockOptions = {
  /** What the session is called. */
  name: string;
  /** Milliseconds since 1970. */
  clock: () => number;
  /** Called when a warning is due: what it says, and which it is. */
  onWarning: (text: string, minutes: number) => void;
};

/** Warns of the end of a session's walltime while it is watched. */
export class WalltimeClock implements Disposable {
  readonly #options: WalltimeClockOptions;
  #timer: NodeJS.Timeout | undefined;
  #isDisposed = false;

  constructor(options: WalltimeClockOptions) {
    this.#options = options;
  }

  /** Waits for the next warning of what is known now. Disposed, it waits for nothing more. */
  set({ startedAt, endsAt, warned }: Partial<WalltimeOptions>): void {
    clearTimeout(this.#timer);
    if (this.#isDisposed) return;
    if (startedAt === undefined || endsAt === undefined || warned === undefined) return;
    const next = nextWarning({ startedAt, endsAt, warned });
    if (next === undefined) return;
    const { name, clock, onWarning } = this.#options;
    const wait = Math.max(0, next.at - clock());
    this.#timer = setTimeout(
      () => {
        if (wait > LONGEST_WAIT_MS) this.set({ startedAt, endsAt, warned });
        else onWarning(warningText(name, endsAt, clock()), next.minutes);
      },
      Math.min(wait, LONGEST_WAIT_MS),
    );
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    clearTimeout(this.#timer);
  }
}

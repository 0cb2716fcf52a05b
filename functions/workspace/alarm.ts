/** Something that is to be done at a time of its own, also when the object was evicted meanwhile. */
export interface Chore {
  /** When it is due, in milliseconds since 1970; null: nothing is. Read from storage, so that an eviction forgets nothing. */
  due(): number | null;
  /** Does what is due by `now`. It may be called early, or twice. */
  run(now: number): Promise<void>;
}

type AlarmStorage = Pick<DurableObjectStorage, "setAlarm" | "deleteAlarm">;

/** The object's one alarm, set to whichever of its chores is due first. */
export class Alarm {
  readonly #storage: AlarmStorage;
  readonly #chores: readonly Chore[];
  /** For when it is set; undefined: this object has not set it yet. */
  #time: number | null | undefined;

  constructor(storage: AlarmStorage, chores: readonly Chore[]) {
    this.#storage = storage;
    this.#chores = chores;
  }

  /**
   * To be called when a chore's time has changed. Nothing is waited for before the alarm is set: so it is written together
   * with what the chore is about, or neither is.
   */
  async set(): Promise<void> {
    const times = this.#chores.map((chore) => chore.due()).filter((time) => time !== null);
    const next = times.length === 0 ? null : Math.min(...times);
    if (next === this.#time) return;
    this.#time = next;
    await (next === null ? this.#storage.deleteAlarm() : this.#storage.setAlarm(next));
  }

  /** Does what is due; a chore that fails or takes its time does not keep the others from their turn. */
  async ring(now: number): Promise<void> {
    this.#time = null;
    const due = this.#chores.filter((chore) => (chore.due() ?? Infinity) <= now);
    const runs = await Promise.allSettled(due.map((chore) => chore.run(now)));
    for (const run of runs) {
      if (run.status === "rejected") console.error("a chore of the workspace failed:", run.reason);
    }
    await this.set();
  }
}

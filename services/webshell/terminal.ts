import { randomUUID } from "node:crypto";
import type { IPty } from "@lydell/node-pty";
import { spawn } from "@lydell/node-pty";
import type { ServerMessage } from "./messages.ts";
import { Scrollback } from "./scrollback.ts";

/** Bytes of output that are kept for pages which come later. */
const SCROLLBACK = 262_144;
/**
 * Bytes of output that a page may be behind. Below SCROLLBACK by more than a read from the pty (64 KiB), so that what
 * a page waits for is always kept: no page needs a queue of its own, however far behind it is.
 */
const WINDOW = 131_072;
/** Milliseconds without a sign of the leading page after which the shell waits for it no longer. */
const STALL = 10_000;
/** Milliseconds between two sizes, so that a program sees both and draws its screen again. */
const REDRAW = 100;

/** One page's end of the terminal. */
export type Viewer = {
  send: (output: Buffer<ArrayBuffer>) => void;
  tell: (message: ServerMessage) => void;
};

/** Where a page was when its connection was lost. */
export type Position = { epoch: string; offset: number };

/** How far a page is, in offsets of the output; `movedAt` by `performance.now()`. */
type Place = { viewer: Viewer; sent: number; acked: number; movedAt: number };

export type TerminalOptions = {
  program: string;
  args: string[];
  folder: string;
  env: NodeJS.ProcessEnv;
  stallMs?: number;
  redrawMs?: number;
};

/**
 * A shell on a pty, and the pages that look at it. One page leads: the one that its user turned to last. Its window
 * gives the size, and the shell waits for it when it shows less than comes; any other page that cannot follow loses
 * the middle and goes on with what is kept.
 */
export class Terminal {
  readonly #pty: IPty;
  readonly #stallMs: number;
  readonly #redrawMs: number;
  readonly #epoch = randomUUID();
  readonly #scrollback = new Scrollback(SCROLLBACK);
  /** In the order in which they came. */
  readonly #places = new Map<Viewer, Place>();
  #size = { columns: 80, rows: 24 };
  #leader: Viewer | undefined;
  #isLeaderHidden = false;
  #hasEnded = false;
  #isPaused = false;
  #stallTimer: NodeJS.Timeout | undefined;
  #redrawTimer: NodeJS.Timeout | undefined;
  #onOutput: () => void = () => {};
  /** The shell's exit code, once it has ended and all its output was sent. */
  readonly ended: Promise<number>;

  constructor({ program, args, folder, env, stallMs = STALL, redrawMs = REDRAW }: TerminalOptions) {
    this.#stallMs = stallMs;
    this.#redrawMs = redrawMs;
    // Bytes, not text: a character that is cut in two is put together where it is shown.
    this.#pty = spawn(program, args, {
      name: "xterm-256color",
      cols: this.#size.columns,
      rows: this.#size.rows,
      cwd: folder,
      env,
      encoding: null,
    });
    this.#pty.onData((output: string | Buffer) => {
      this.#scrollback.push(typeof output === "string" ? Buffer.from(output) : output);
      this.#moveOn();
      this.#onOutput();
    });
    this.ended = new Promise((resolve) => {
      this.#pty.onExit(({ exitCode, signal = 0 }) => {
        this.#end();
        resolve(signal === 0 ? exitCode : 128 + signal);
      });
    });
  }

  get pid(): number {
    return this.#pty.pid;
  }

  /** The last output, as text. */
  get tail(): string {
    return this.#scrollback.slice(this.#scrollback.start, this.#scrollback.end).toString();
  }

  /** Calls this after each piece of output. */
  set onOutput(listener: () => void) {
    this.#onOutput = listener;
  }

  /** Shows a page the terminal, from where it was if that is still known. */
  attach(viewer: Viewer, position?: Position): void {
    const place = { viewer, sent: 0, acked: 0, movedAt: 0 };
    this.#places.set(viewer, place);
    const { start, end } = this.#scrollback;
    const isKnown = position?.epoch === this.#epoch && position.offset >= start && position.offset <= end;
    this.#begin(place, isKnown ? position.offset : undefined);
    this.#leader ??= viewer;
    this.#tellSize();
    this.#moveOn();
  }

  detach(viewer: Viewer): void {
    this.#places.delete(viewer);
    if (this.#leader === viewer) {
      this.#leader = [...this.#places.keys()].at(-1);
      this.#isLeaderHidden = this.#leader !== undefined;
      this.#tellSize();
    }
    this.#moveOn();
  }

  /** A page's window has this size, and the page leads. */
  resize(viewer: Viewer, columns: number, rows: number): void {
    if (this.#hasEnded) return;
    clearTimeout(this.#redrawTimer);
    this.#leader = viewer;
    this.#isLeaderHidden = false;
    this.#size = { columns, rows };
    this.#pty.resize(columns, rows);
    this.#tellSize();
    this.#moveOn();
  }

  /** A page is out of sight, where browsers slow it down: the shell does not wait for it. */
  hide(viewer: Viewer): void {
    if (this.#leader === viewer) this.#isLeaderHidden = true;
    this.#moveOn();
  }

  /** A page shows everything before `offset`. */
  acknowledge(viewer: Viewer, offset: number): void {
    const place = this.#places.get(viewer);
    // From before the page began anew, or made up.
    if (place === undefined || offset <= place.acked || offset > place.sent) return;
    place.acked = offset;
    place.movedAt = performance.now();
    this.#moveOn();
  }

  write(keys: string): void {
    this.#pty.write(keys);
  }

  tell(message: ServerMessage): void {
    for (const viewer of this.#places.keys()) viewer.tell(message);
  }

  hangUp(signal: "SIGHUP" | "SIGKILL"): void {
    this.#pty.kill(signal);
  }

  /** Begins a page at `offset`, or anew from what is kept. */
  #begin(place: Place, offset: number | undefined): void {
    const { start, end, preamble, isScreenLost } = this.#scrollback;
    const isFresh = offset === undefined;
    place.sent = place.acked = offset ?? start;
    place.movedAt = performance.now();
    place.viewer.tell({
      type: "attach",
      epoch: this.#epoch,
      offset: place.sent,
      isFresh,
      preamble: isFresh ? preamble : "",
      replay: end - place.sent,
    });
    if (isFresh && isScreenLost) this.#redraw();
  }

  /** Sends each page what it may have, and lets the shell run or wait. */
  #moveOn(): void {
    if (this.#hasEnded) return;
    for (const place of this.#places.values()) this.#send(place, WINDOW);
    clearTimeout(this.#stallTimer);
    const patience = this.#patience();
    if (patience > 0) this.#stallTimer = setTimeout(() => this.#moveOn(), patience + 1);
    if (patience > 0 === this.#isPaused) return;
    this.#isPaused = patience > 0;
    if (this.#isPaused) this.#pty.pause();
    else this.#pty.resume();
  }

  /** Milliseconds that the shell is to wait for the leading page; none while it follows, or after it stalled. */
  #patience(): number {
    const place = this.#leader === undefined ? undefined : this.#places.get(this.#leader);
    if (place === undefined || this.#isLeaderHidden) return 0;
    if (this.#scrollback.end - place.acked < WINDOW) return 0;
    return Math.max(0, place.movedAt + this.#stallMs - performance.now());
  }

  #send(place: Place, window: number): void {
    const isIdle = place.sent === place.acked;
    if (place.sent < this.#scrollback.start) {
      // What it waits for is gone. It begins anew once it has shown what it has.
      if (!isIdle) return;
      this.#begin(place, undefined);
    }
    const until = Math.min(this.#scrollback.end, place.acked + window);
    if (until <= place.sent) return;
    if (isIdle) place.movedAt = performance.now();
    place.viewer.send(this.#scrollback.slice(place.sent, until));
    place.sent = until;
  }

  #end(): void {
    clearTimeout(this.#stallTimer);
    clearTimeout(this.#redrawTimer);
    for (const place of this.#places.values()) this.#send(place, Infinity);
    this.#hasEnded = true;
  }

  #tellSize(): void {
    for (const viewer of this.#places.keys())
      viewer.tell({ type: "size", ...this.#size, leads: viewer === this.#leader });
  }

  /** Only a size that is another makes a program draw (SIGWINCH, and curses looks whether it is). */
  #redraw(): void {
    const { columns, rows } = this.#size;
    this.#pty.resize(columns, Math.max(1, rows - 1));
    clearTimeout(this.#redrawTimer);
    this.#redrawTimer = setTimeout(() => this.#pty.resize(columns, rows), this.#redrawMs).unref();
  }
}

// Keeps the relative times of a page current, and spells exact ones in the reader's own zone.
import { ago, duration, exact, hour } from "./time.js";

/** From here on the time that is left is a warning, milliseconds. */
const SOON = 600_000;

/** @type {Record<string, (ms: number) => string>} What `data-clock` asks for; the argument is now minus `datetime`. */
const SPELLINGS = {
  ago,
  elapsed: duration,
  left: (ms) => duration(-ms),
};

/** @param {HTMLTimeElement} time */
function tick(time) {
  const spell = SPELLINGS[time.dataset.clock ?? ""];
  if (spell === undefined) return;
  const text = spell(Date.now() - Date.parse(time.dateTime));
  if (time.textContent !== text) time.textContent = text;
}

/**
 * The server spells exact times in UTC and marks them; here they become the reader's own.
 * @param {HTMLTimeElement} time
 */
function localise(time) {
  if (time.dataset.clock === "exact") time.textContent = exact(time.dateTime);
  else time.title = exact(time.dateTime);
  if (time.dataset.clock === "hour") time.textContent = hour(time.dateTime);
  time.removeAttribute("data-utc");
}

/**
 * A bar that empties until the time at `data-ends`; the style sheet marks it when little is left.
 * @param {HTMLProgressElement} bar
 */
function empty(bar) {
  const left = Math.max(0, Date.parse(bar.dataset.ends ?? "") - Date.now());
  bar.value = left;
  bar.toggleAttribute("data-soon", left < SOON);
}

/** Starts the clock of this page; it runs as long as the page does. */
export function startClock() {
  const run = () => {
    for (const time of document.querySelectorAll("time")) {
      if (time.hasAttribute("data-utc")) localise(time);
      tick(time);
    }
    for (const bar of document.querySelectorAll("progress")) if (bar.dataset.ends !== undefined) empty(bar);
  };
  run();
  setInterval(run, 1000);
  // A fragment comes as the server spells it.
  document.addEventListener("htmx:after:swap", run);
}

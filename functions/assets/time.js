// How Berth spells times, for the server's pages and for the clock that keeps them current in the browser.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * A span of time: `0.4 s`, `12 s`, `1 m 03 s`, `1 h 12 m`, `3 d 4 h`. A negative span is none.
 * @param {number} ms milliseconds
 * @returns {string}
 */
export function duration(ms) {
  const span = Math.max(0, ms);
  if (span < SECOND) return `${(Math.floor(span / 100) / 10).toFixed(1)} s`;
  if (span < MINUTE) return `${Math.floor(span / SECOND)} s`;
  const minutes = Math.floor(span / MINUTE);
  if (span < HOUR) return `${minutes} m ${String(Math.floor((span % MINUTE) / SECOND)).padStart(2, "0")} s`;
  if (span < DAY) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} m`;
  return `${Math.floor(span / DAY)} d ${Math.floor((span % DAY) / HOUR)} h`;
}

/**
 * How long ago something was: `just now`, `40 s ago`, `12 min ago`, `2 h ago`, `3 d ago`.
 * @param {number} ms milliseconds
 * @returns {string}
 */
export function ago(ms) {
  if (ms < 5 * SECOND) return "just now";
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s ago`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ago`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ago`;
  return `${Math.floor(ms / DAY)} d ago`;
}

/**
 * The hour and minute of a point in time, in the zone and the language of whoever formats it.
 * @param {string | number} time ISO 8601, or milliseconds since 1970
 * @param {{ locale?: string, timeZone?: string }} [place]
 * @returns {string}
 */
export function hour(time, { locale, timeZone } = {}) {
  return new Intl.DateTimeFormat(locale, { timeStyle: "short", timeZone }).format(new Date(time));
}

/**
 * A point in time in full, in the zone and the language of whoever formats it.
 * @param {string | number} time ISO 8601, or milliseconds since 1970
 * @param {{ locale?: string, timeZone?: string }} [place]
 * @returns {string}
 */
export function exact(time, { locale, timeZone } = {}) {
  const format = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "long", timeZone });
  return format.format(new Date(time));
}

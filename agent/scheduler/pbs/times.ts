const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const CTIME = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/;

/**
 * Reads a time of PBS: ctime(3) in the client's zone, which must be UTC, or seconds since 1970 (Torque's XML).
 * @returns milliseconds since 1970; undefined for anything else
 */
export function parseTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,12}$/.test(text)) return Number(text) * 1000;
  const [, month = "", ...parts] = CTIME.exec(text) ?? [];
  const [day, hour, minute, second, year] = parts.map(Number);
  const index = MONTHS.indexOf(month);
  if (index < 0 || year === undefined) return undefined;
  return Date.UTC(year, index, day, hour, minute, second);
}

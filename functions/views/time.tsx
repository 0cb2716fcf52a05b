import { ago, duration, exact, hour } from "../assets/time.js";

const DATE = { locale: "en-GB", timeZone: "UTC" } as const;

type At = { at: string; now: number };

/** `12 min ago`, with the exact time on hover; the clock of the page keeps it current. */
export const Ago = ({ at, now }: At) => (
  <time datetime={at} title={exact(at, DATE)} data-clock="ago" data-utc="">
    {ago(now - Date.parse(at))}
  </time>
);

/** How long something has been going on: `1 h 12 m`, counting up. */
export const Elapsed = ({ at, now }: At) => (
  <time datetime={at} title={exact(at, DATE)} data-clock="elapsed" data-utc="">
    {duration(now - Date.parse(at))}
  </time>
);

/** How long something will still go on: `2 h 10 m`, counting down. */
export const Left = ({ at, now }: At) => (
  <time datetime={at} title={exact(at, DATE)} data-clock="left" data-utc="">
    {duration(Date.parse(at) - now)}
  </time>
);

/** The hour and minute: in UTC as the server spells it, in the reader's own zone where scripts run. */
export const Hour = ({ at }: { at: string }) => (
  <time datetime={at} title={exact(at, DATE)} data-clock="hour" data-utc="">
    {hour(at, DATE)} UTC
  </time>
);

/** The exact time: in UTC as the server spells it, in the reader's own zone where scripts run. */
export const Exact = ({ at }: { at: string }) => (
  <time datetime={at} data-clock="exact" data-utc="">
    {exact(at, DATE)}
  </time>
);

/** How long it was from one time to another: `1 h 12 m`. */
export const between = (from: string, to: string): string => duration(Date.parse(to) - Date.parse(from));

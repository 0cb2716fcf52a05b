import type { Notification } from "../../contract/session.ts";
import { type Frame, Layout } from "./layout.tsx";
import { Ago } from "./time.tsx";

const ICONS: Record<Notification["level"], string> = {
  info: "M8 7.5v4M8 4.7v.1",
  warning: "M8 4.5v4.5M8 11.3v.1",
  error: "M5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6",
};

function Item({ notification, fresh, now }: { notification: Notification; fresh: boolean; now: number }) {
  const { level, text, session, at } = notification;
  return (
    <li data-level={level} {...(fresh ? { "data-fresh": "" } : {})}>
      <svg viewBox="0 0 16 16" width="16" height="16" role="img" aria-label={level}>
        <path
          d={`M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13z${ICONS[level]}`}
          fill="none"
          stroke="currentColor"
          stroke-width="1.5"
          stroke-linecap="round"
        />
      </svg>
      <p>{text}</p>
      {session === null ? null : (
        <a href={`/sessions/${session}`} aria-label={`Session of “${text}”`}>
          Session
        </a>
      )}
      <Ago at={at} now={now} />
    </li>
  );
}

type NotificationsProps = {
  frame: Frame;
  /** Newest first. */
  notifications: readonly Notification[];
  /** The newest that the reader had seen before. */
  seen: number;
  now: number;
};

/** What is behind the bell. */
export const NotificationsPage = ({ frame, notifications, seen, now }: NotificationsProps) => (
  <Layout title="Notifications" frame={frame}>
    <div class="head">
      <h1>Notifications</h1>
    </div>
    <div
      id="notifications"
      hx-get="/notifications"
      hx-trigger="berth:notification from:body throttle:250ms"
      hx-select="#notifications"
      hx-swap="outerMorph"
    >
      {notifications.length === 0 ? (
        <p class="nothing">
          Nothing yet. Here you find what happened to your sessions while you were not looking: that one is
          ready, that one failed, or what its application had to tell.
        </p>
      ) : (
        <ul class="notifications">
          {notifications.map((notification) => (
            <Item notification={notification} fresh={notification.id > seen} now={now} />
          ))}
        </ul>
      )}
    </div>
  </Layout>
);

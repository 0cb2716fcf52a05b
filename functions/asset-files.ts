import htmx from "htmx.org/dist/htmx.min.js?raw";
import account from "./assets/account.css?raw";
import asides from "./assets/asides.css?raw";
import base from "./assets/base.css?raw";
import clock from "./assets/clock.js?raw";
import console from "./assets/console.js?raw";
import copy from "./assets/copy.js?raw";
import detail from "./assets/detail.css?raw";
import fields from "./assets/fields-of.js?raw";
import favicon from "./assets/favicon.svg?raw";
import form from "./assets/form.css?raw";
import frame from "./assets/frame.css?raw";
import join from "./assets/join.css?raw";
import keys from "./assets/keys.js?raw";
import launch from "./assets/launch.js?raw";
import live from "./assets/live.js?raw";
import log from "./assets/log.js?raw";
import loggedOut from "./assets/logged-out.js?raw";
import lookedAt from "./assets/looked-at.js?raw";
import message from "./assets/message.css?raw";
import operator from "./assets/operator.css?raw";
import notifications from "./assets/notifications.css?raw";
import parts from "./assets/parts.css?raw";
import events from "./assets/read-events.js?raw";
import place from "./assets/place.js?raw";
import resources from "./assets/resources.css?raw";
import services from "./assets/services.css?raw";
import session from "./assets/session.js?raw";
import sessions from "./assets/sessions.css?raw";
import share from "./assets/share.css?raw";
import time from "./assets/time.js?raw";

const CSS = "text/css; charset=utf-8";
const JS = "text/javascript; charset=utf-8";

/** What a browser needs besides the pages. The modules import each other by relative path. */
const FILES = {
  "berth.css": {
    type: CSS,
    text: [
      base,
      parts,
      asides,
      frame,
      sessions,
      services,
      form,
      detail,
      resources,
      notifications,
      operator,
      message,
      account,
      join,
      share,
    ].join("\n"),
  },
  "clock.js": { type: JS, text: clock },
  "console.js": { type: JS, text: console },
  "copy.js": { type: JS, text: copy },
  "favicon.svg": { type: "image/svg+xml", text: favicon },
  "fields-of.js": { type: JS, text: fields },
  "htmx.js": { type: JS, text: htmx },
  "keys.js": { type: JS, text: keys },
  "launch.js": { type: JS, text: launch },
  "live.js": { type: JS, text: live },
  "log.js": { type: JS, text: log },
  "logged-out.js": { type: JS, text: loggedOut },
  "looked-at.js": { type: JS, text: lookedAt },
  "place.js": { type: JS, text: place },
  "read-events.js": { type: JS, text: events },
  "session.js": { type: JS, text: session },
  "time.js": { type: JS, text: time },
} as const;

export type AssetName = keyof typeof FILES;

/** 64 bits of FNV-1a over two seeds: names a version, protects nothing. Web Crypto is asynchronous, this need not be. */
function fingerprint(texts: readonly string[]): string {
  let [high, low] = [0x811c9dc5, 0x050c5d1f];
  for (const text of texts) {
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      high = Math.imul(high ^ code, 0x01000193);
      low = Math.imul(low ^ code ^ (high >>> 16), 0x01000193);
    }
  }
  return [high, low].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}

/** Names this set of files: one for all of them, so that relative imports between them hold. */
export const ASSETS_VERSION = fingerprint(Object.values(FILES).map((file) => file.text));

/** The address of a file, which changes with its content. */
export const asset = (name: AssetName): string => `/assets/${ASSETS_VERSION}/${name}`;

/** The file of that name, if there is one. */
export const assetFile = (name: string): { type: string; text: string } | undefined =>
  Object.hasOwn(FILES, name) ? FILES[name as AssetName] : undefined;

// One event stream for the page. What it says becomes events on the body (`berth:session`, `berth:agent`, …): the
// fragments of the page listen to them (`hx-trigger`) and fetch themselves anew.
import { fieldsOf } from "./fields-of.js";
import { leaveIfLoggedOut } from "./logged-out.js";
import { whileLookedAt } from "./looked-at.js";

/** How long the stream may be gone before the page says so, milliseconds. */
const PATIENCE = 3000;

/** @param {string} name */
const tell = (name) => document.body.dispatchEvent(new CustomEvent(`berth:${name}`));

/** @param {string} text Read out by screen readers, not shown. */
function announce(text) {
  const news = document.querySelector("#news");
  if (news !== null) news.textContent = text;
}

/** Says of each session when its state is another than before. */
function announceStates() {
  /** @type {Map<string, string>} */
  const states = new Map();
  /** @param {{ id: string, name: string, state: string }} session */
  return ({ id, name, state }) => {
    const before = states.get(id);
    states.set(id, state);
    if (before !== undefined && before !== state) announce(`${name} is ${state}`);
  };
}

/** @param {boolean} isLost */
function showLost(isLost) {
  const lost = document.querySelector("#lost");
  if (lost instanceof HTMLElement) lost.hidden = !isLost;
}

/** Opens the stream of this page, for as long as the page is looked at. */
export function followEvents() {
  const seen = announceStates();
  /** @type {EventSource | undefined} */
  let source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let patience;

  const endPatience = () => {
    clearTimeout(patience);
    patience = undefined;
  };
  const open = () => {
    if (source !== undefined && source.readyState !== EventSource.CLOSED) return;
    source = new EventSource("/api/events");
    source.addEventListener("open", () => {
      endPatience();
      showLost(false);
      // Whatever happened while nobody listened is in the fragments.
      tell("opened");
    });
    source.addEventListener("session", (event) => {
      const { id, name, state } = fieldsOf(event);
      seen({ id: String(id), name: String(name), state: String(state) });
      tell("session");
      tell(`session:${String(id)}`);
    });
    source.addEventListener("notification", (event) => {
      announce(String(fieldsOf(event).text));
      tell("notification");
    });
    for (const name of ["agent", "resources"]) source.addEventListener(name, () => tell(name));
    source.addEventListener("error", () => {
      // The browser gives up for good on an answer that is no stream: a refusal, or a proxy's error page.
      if (source?.readyState === EventSource.CLOSED) void leaveIfLoggedOut();
      // The browser tries again many times before the patience is over: it begins with the first of them.
      patience ??= setTimeout(() => {
        patience = undefined;
        showLost(true);
        if (source?.readyState === EventSource.CLOSED) open();
      }, PATIENCE);
    });
  };
  whileLookedAt(open, () => {
    endPatience();
    source?.close();
  });
}

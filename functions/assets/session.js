// The pages in front of an application: they show what the session is at and move on by themselves.
import { startClock } from "./clock.js";
import { listenForCopies } from "./copy.js";
import { fieldsOf } from "./fields-of.js";

const page = /** @type {HTMLElement} */ (document.querySelector("main"));
const { stream, retry } = page.dataset;

/** States of a session that is still on its way; in every other one the server has another page. */
const WAITING = new Set(["submitted", "queued", "starting"]);

/** @param {number} ms */
const again = (ms) => setTimeout(() => location.replace(location.href), ms);

/**
 * @param {string} place
 * @param {string} text
 */
function show(place, text) {
  const shown = document.querySelector(place);
  if (shown !== null && shown.textContent !== text) shown.textContent = text;
}

/** @param {string} url */
function wait(url) {
  const source = new EventSource(url);
  source.addEventListener("session", (event) => {
    const fields = fieldsOf(event);
    const [state, status] = [String(fields.state), String(fields.status)];
    if (!WAITING.has(state)) {
      source.close();
      location.reload();
      return;
    }
    page.dataset.state = state;
    show("#status", status);
    show("#waits", String(fields.waits));
  });
  source.addEventListener("error", () => {
    // No stream: the session is gone, or the edge is. The server's own page says which.
    if (source.readyState === EventSource.CLOSED) again(2000);
  });
  addEventListener("pagehide", () => source.close());
}

startClock();
listenForCopies();
if (stream !== undefined) wait(stream);
if (retry !== undefined) again(Number(retry) * 1000);

// Follows a session's log: `<pre data-log="/api/sessions/<id>/logs?follow=1">` beside a check box `#follow`.
import { whileLookedAt } from "./looked-at.js";
import { readEvents } from "./read-events.js";

/** How much of a log stays on the page, characters. The whole of it is a link away. */
const KEPT = 1_000_000;
/** How long after a stream that broke, or that there was none of, the next one is tried; milliseconds. */
const AGAIN = 2000;
/** Escape sequences of terminals (ECMA-48): colours and cursor movements mean nothing here. */
// oxlint-disable-next-line no-control-regex
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\^_])/gu;

/**
 * A line as a terminal leaves it: without escapes, and only what follows its last carriage return.
 * @param {string} line
 */
function settle(line) {
  const text = line.replace(ESCAPES, "").replace(/\r$/, "");
  return text.slice(text.lastIndexOf("\r") + 1);
}

/**
 * A piece of the log travels as a JSON string.
 * @param {string} data
 */
function textOf(data) {
  /** @type {unknown} */
  const text = JSON.parse(data);
  return typeof text === "string" ? text : "";
}

/**
 * Shows a growing text in a view.
 * @param {HTMLPreElement} view
 */
function tail(view) {
  const last = document.createTextNode("");
  view.replaceChildren(last);
  let unfinished = "";
  let kept = 0;
  /** @param {string} chunk */
  return (chunk) => {
    const lines = (unfinished + chunk).split("\n");
    unfinished = lines.pop() ?? "";
    last.data = settle(unfinished);
    if (lines.length === 0) return;
    const text = `${lines.map(settle).join("\n")}\n`;
    last.before(text);
    kept += text.length;
    while (kept > KEPT && view.firstChild instanceof Text && view.firstChild !== last) {
      kept -= view.firstChild.data.length;
      view.firstChild.remove();
    }
  };
}

/** @param {HTMLPreElement} view */
export function followLog(view) {
  const url = view.dataset.log;
  const follow = document.querySelector("#follow");
  const note = document.querySelector("#log-note");
  if (url === undefined || !(follow instanceof HTMLInputElement) || !(note instanceof HTMLElement)) return;

  const append = tail(view);
  const toEnd = () => {
    if (follow.checked) view.scrollTop = view.scrollHeight;
  };
  follow.addEventListener("change", toEnd);
  view.addEventListener("scroll", () => {
    follow.checked = view.scrollHeight - view.scrollTop - view.clientHeight < 24;
  });

  // The last event's id is the offset in the log: each stream goes on where the one before it stopped.
  let lastId = "";
  let isOver = false;
  let reading = new AbortController();

  /** @param {AbortSignal} signal */
  const read = async (signal) => {
    while (!isOver && !signal.aborted) {
      try {
        for await (const event of readEvents(url, { lastId, signal })) {
          note.hidden = true;
          isOver = event.type === "end";
          if (isOver) break;
          lastId = event.id;
          append(textOf(event.data));
          toEnd();
        }
      } catch {
        note.hidden = signal.aborted;
      }
      if (!isOver) await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
  };
  whileLookedAt(
    () => {
      reading.abort();
      reading = new AbortController();
      void read(reading.signal);
    },
    () => reading.abort(),
  );
}

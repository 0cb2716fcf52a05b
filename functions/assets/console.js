// The console in the browser. Everything here makes a page that works without it nicer; nothing depends on it.
import { startClock } from "./clock.js";
import { listenForCopies } from "./copy.js";
import { listenForKeys } from "./keys.js";
import { runForm } from "./launch.js";
import { followEvents } from "./live.js";
import { followLog } from "./log.js";
import { runPlace } from "./place.js";

// What a reader has folded open stays open while the list around it changes.
htmx.registerExtension("berth", {
  htmx_before_morph_attr: (element, { attrName }) =>
    !(element instanceof HTMLDetailsElement && attrName === "open"),
});

// A session that was launched to be opened is entered as soon as it runs: the server knows where.
document.addEventListener("htmx:after:swap", () => {
  const session = document.querySelector("[data-opens]");
  if (session instanceof HTMLElement && session.dataset.state === "running") location.replace(location.href);
});

startClock();
listenForCopies();
listenForKeys();
followEvents();
for (const form of document.forms) {
  if (form.dataset.launch === undefined) continue;
  runPlace(form);
  runForm(form);
}
for (const log of document.querySelectorAll("pre")) if (log.dataset.log !== undefined) followLog(log);

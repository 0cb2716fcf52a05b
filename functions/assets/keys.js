// The keyboard: `/` search, `n` launch, `g s` sessions, `?` shows them.

/** @type {Record<string, () => void>} */
const KEYS = {
  "/": () => {
    const search = document.querySelector("input[type=search]");
    if (search instanceof HTMLInputElement) search.select();
  },
  n: () => location.assign("/services"),
  "g s": () => location.assign("/"),
  "?": () => {
    const keys = document.querySelector("#keys");
    if (keys instanceof HTMLDialogElement) keys.showModal();
  },
};

/** How long after `g` its second key may come, milliseconds. */
const CHORD = 1500;

const TYPED = "input:not([type=checkbox], [type=radio]), textarea, select";

/** True where a key means what is typed, or what a dialog does with it. */
const isTaken = () =>
  document.activeElement?.matches(TYPED) || document.querySelector("dialog[open]") !== null;

/** Listens on this page. */
export function listenForKeys() {
  let first = { key: "", at: 0 };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || isTaken()) return;
    const chord = event.timeStamp - first.at < CHORD ? `${first.key} ${event.key}` : "";
    const act = KEYS[chord] ?? KEYS[event.key];
    first = { key: event.key, at: event.timeStamp };
    if (act === undefined) return;
    event.preventDefault();
    act();
  });
}

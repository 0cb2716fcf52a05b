// Buttons that copy: `<button data-copy="text">`.

/** How long a button says that it copied, milliseconds. */
const THANKS = 1500;

/** @param {HTMLButtonElement} button */
async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy ?? "");
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), THANKS);
}

/** Listens on this page, also for buttons that come later. */
export function listenForCopies() {
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button[data-copy]") : null;
    if (button instanceof HTMLButtonElement) void copy(button);
  });
}

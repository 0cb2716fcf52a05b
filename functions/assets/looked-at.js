// Streams that a page keeps open only while somebody looks at it: a browser opens six connections to one host, and a
// tab in the background must not hold one of them.

/**
 * Calls `open` whenever the page begins to be looked at, now included, and `close` whenever that ends.
 * @param {() => void} open
 * @param {() => void} close
 */
export function whileLookedAt(open, close) {
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  if (!document.hidden) open();
}

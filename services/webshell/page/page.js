import { FitAddon } from "./addon-fit.mjs";
import { Connection } from "./connection.js";
import { followTheme } from "./theme.js";
import { Terminal } from "./xterm.mjs";

/** Milliseconds between two acknowledgements, unless ACK_BYTES come first. */
const ACK_INTERVAL = 50;
const ACK_BYTES = 32_768;

/** @param {string} id */
const element = (id) => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
};
const notice = element("state");

/** @param {string} text nothing to show when empty */
function show(text) {
  notice.textContent = text;
  notice.hidden = text === "";
}

const terminal = new Terminal({
  fontFamily: 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace',
  fontSize: matchMedia("(max-width: 40rem)").matches ? 12 : 14,
  scrollback: 10_000,
  minimumContrastRatio: 4.5,
  macOptionIsMeta: true,
  rightClickSelectsWord: false,
});
const fit = new FitAddon();
terminal.loadAddon(fit);
followTheme((theme) => (terminal.options.theme = theme));
terminal.open(element("terminal"));

/** Where this page is in the shell's output: what has come, what is on the screen, and what the server knows of that. */
const output = { epoch: "", received: 0, shown: 0, acked: 0 };
/** Output before this offset is old: what it asks the terminal was answered when it was new. */
let oldUntil = 0;
let isLeading = false;
let hasOwnTitle = false;

const connection = new Connection({
  open() {
    show("");
    claim();
  },
  lost: () => show("Disconnected. Reconnecting…"),
  refused: () =>
    show(
      "You may look at this session, but not use it. A shell needs more than looking: ask its owner to share it with you to use.",
    ),
  position: () =>
    new URLSearchParams(output.epoch === "" ? {} : { epoch: output.epoch, offset: String(output.received) }),
  output(bytes) {
    output.received += bytes.length;
    const { epoch, received } = output;
    terminal.write(bytes, () => {
      if (epoch === output.epoch && received > output.shown) output.shown = received;
      acknowledge();
    });
  },
  message(message) {
    switch (message.type) {
      case "attach":
        output.epoch = message.epoch;
        output.received = output.shown = output.acked = message.offset;
        oldUntil = message.offset + message.replay;
        if (message.isFresh) terminal.write(`\x1bc${message.preamble}`);
        return;
      case "size":
        terminal.resize(message.columns, message.rows);
        if (message.leads && !isLeading) claim();
        isLeading = message.leads;
        return;
      case "title":
        if (!hasOwnTitle) document.title = message.text;
        return;
      case "ended":
        connection.end();
        terminal.write(
          "\r\n\x1b[?1047l\x1b[0;7m The shell has ended, and the session is complete. \x1b[0m\x1b[?25l\r\n",
        );
        return show("Ended");
      case "ping":
        return connection.tell({ type: "pong" });
    }
  },
});

/** Gives the shell this window's size; this page leads from then on. */
function claim() {
  const size = fit.proposeDimensions();
  if (size === undefined || document.hidden) return;
  isLeading = true;
  connection.tell({ type: "resize", columns: Math.min(size.cols, 1000), rows: Math.min(size.rows, 1000) });
}

/** @type {number | undefined} */
let ackTimer;
function acknowledge() {
  const send = () => {
    clearTimeout(ackTimer);
    ackTimer = undefined;
    if (output.shown > output.acked) connection.tell({ type: "ack", offset: output.shown });
    output.acked = output.shown;
  };
  if (output.shown - output.acked >= ACK_BYTES) send();
  else ackTimer ??= setTimeout(send, ACK_INTERVAL);
}

terminal.onData((keys) => connection.type(keys));
terminal.onTitleChange((title) => {
  hasOwnTitle = title !== "";
  if (hasOwnTitle) document.title = title;
});
addEventListener("focus", () => claim());
document.addEventListener("visibilitychange", () =>
  document.hidden ? connection.tell({ type: "hide" }) : claim(),
);
new ResizeObserver(() => {
  if (isLeading) claim();
}).observe(element("terminal"));

/**
 * Programs ask the terminal what it is, and it answers with keys. Once is enough: not again when old output is shown
 * anew, and not by every page. A handler that returns true keeps the question from the terminal.
 */
const isAnswered = () => !isLeading || output.shown < oldUntil;
for (const id of [
  { final: "c" },
  { prefix: ">", final: "c" },
  { prefix: "=", final: "c" },
  { prefix: ">", final: "q" },
  { final: "n" },
  { prefix: "?", final: "n" },
  { intermediates: "$", final: "p" },
  { prefix: "?", intermediates: "$", final: "p" },
])
  terminal.parser.registerCsiHandler(id, isAnswered);
for (const id of [{ intermediates: "$", final: "q" }]) terminal.parser.registerDcsHandler(id, isAnswered);
for (const id of [4, 10, 11, 12])
  terminal.parser.registerOscHandler(id, (data) => data.includes("?") && isAnswered());

// Ctrl-C is the shell's: copying takes Shift too, as in other terminals. Pasting is the browser's own.
terminal.attachCustomKeyEventHandler((event) => {
  if (!(event.ctrlKey && event.shiftKey && event.code === "KeyC")) return true;
  event.preventDefault();
  if (event.type === "keydown" && terminal.hasSelection())
    void navigator.clipboard.writeText(terminal.getSelection());
  return false;
});

terminal.focus();

/** @import { ITheme } from "./xterm.mjs" */

/** @type {ITheme} */
const dark = {
  background: "#14171c",
  foreground: "#d8dce3",
  cursor: "#f2f4f8",
  cursorAccent: "#14171c",
  selectionBackground: "#3a4a63",
  black: "#3b4048",
  red: "#ff7b72",
  green: "#7ee787",
  yellow: "#e3b341",
  blue: "#79b8ff",
  magenta: "#d2a8ff",
  cyan: "#56d4dd",
  white: "#c9d1d9",
  brightBlack: "#8b949e",
  brightRed: "#ffa198",
  brightGreen: "#a5f0ab",
  brightYellow: "#f2cc60",
  brightBlue: "#a5d6ff",
  brightMagenta: "#e2c5ff",
  brightCyan: "#8ee6ec",
  brightWhite: "#ffffff",
};

/** @type {ITheme} */
const light = {
  background: "#fdfdfc",
  foreground: "#24292f",
  cursor: "#24292f",
  cursorAccent: "#fdfdfc",
  selectionBackground: "#bcd6f5",
  black: "#24292f",
  red: "#b4232c",
  green: "#116329",
  yellow: "#7a4b00",
  blue: "#0550ae",
  magenta: "#7a35c4",
  cyan: "#126a73",
  white: "#6e7781",
  brightBlack: "#57606a",
  brightRed: "#a40e26",
  brightGreen: "#1a7f37",
  brightYellow: "#855300",
  brightBlue: "#0969da",
  brightMagenta: "#8250df",
  brightCyan: "#1b7c83",
  brightWhite: "#4c545c",
};

const preference = matchMedia("(prefers-color-scheme: light)");

/**
 * Calls `apply` with the theme that the reader's system asks for, now and whenever it changes.
 * @param {(theme: ITheme) => void} apply
 */
export function followTheme(apply) {
  const choose = () => apply(preference.matches ? light : dark);
  preference.addEventListener("change", choose);
  choose();
}

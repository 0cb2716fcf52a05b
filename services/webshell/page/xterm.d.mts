export { type ITheme, Terminal } from "@xterm/xterm";

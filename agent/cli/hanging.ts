import { Help } from "commander";

/** What is there to be copied into a shell: in backticks, or a command from its colon, or on a line of its own. */
const COPIED = /`[^`\n]*`|(?:^|(?<=: ))(?:berth|chmod|npm|ssh) .*$/gm;
/** Of the private use area: stands for a space at which no line is broken. */
const KEPT = "\uE000";

/** Whether a text is read at a terminal, and how wide that is; undefined for a file or a pipe, which get lines as they are. */
export const widthOf = ({
  isTTY,
  columns,
}: Pick<NodeJS.WriteStream, "isTTY" | "columns">): number | undefined => (isTTY ? columns : undefined);

/**
 * A text behind a mark, all of its lines below its beginning. Words that do not fit begin a line; no command is broken.
 * @param columns of the terminal; undefined breaks no line
 */
export function hanging(mark: string, text: string, columns: number | undefined): string {
  const lines = columns === undefined ? text : wrapped(text, columns - mark.length);
  return mark + lines.replaceAll("\n", `\n${" ".repeat(mark.length)}`);
}

function wrapped(text: string, width: number): string {
  const kept = text.replaceAll(COPIED, (command) => command.replaceAll(" ", KEPT));
  return new Help().boxWrap(kept, width).replaceAll(KEPT, " ");
}

import { EXIT_REFUSED } from "./exit-code.ts";

/** What a unit file says of the agent. */
export type UnitOptions = {
  node: string;
  program: string;
  home: string;
  /** Where sessions find their programs: systemd's own PATH is a short one. */
  path: string;
  description: string;
};

/**
 * One word of a unit file (systemd.syntax(7), "Quoting"; systemd.unit(5), "Specifiers").
 * @throws RangeError for a line break, which no quoting takes in
 */
export function quoteWord(text: string): string {
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(text))
    throw new RangeError(
      `Cannot write ${JSON.stringify(text)} into a unit file: it holds a control character`,
    );
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%")}"`;
}

/** A word of a command line, in which systemd would also replace variables (systemd.service(5), "Command lines"). */
const quoteArgument = (text: string): string => quoteWord(text).replaceAll("$", "$$$$");

/**
 * The systemd user unit that runs the agent. What the edge has refused is not started again; sessions are left alone when
 * the agent stops.
 */
export function systemdUnit({ node, program, home, path, description }: UnitOptions): string {
  const command = [node, program, "up"].map(quoteArgument).join(" ");
  return `[Unit]
Description=${description.replaceAll(/[^\w .:/-]/g, "_")}
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${command}
Environment=${quoteWord(`BERTH_HOME=${home}`)}
Environment=${quoteWord(`PATH=${path}`)}
Restart=always
RestartSec=5
RestartPreventExitStatus=${EXIT_REFUSED}
KillMode=process
TimeoutStopSec=30

[Install]
WantedBy=default.target
`;
}

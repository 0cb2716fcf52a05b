import { type Command, CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { berthProgram } from "../../agent/program.ts";

const COLUMNS = 80;

/** Every command, by what is typed for it. */
function everyCommand(command: Command, name: string): [string, Command][] {
  return [
    [name, command],
    ...command.commands.flatMap((each) => everyCommand(each, `${name} ${each.name()}`)),
  ];
}

const commands = everyCommand(berthProgram(), "berth");

/** What a command prints at a terminal. */
function printed(command: Command, run: () => void): string {
  let text = "";
  const write = (part: string): void => {
    text += part;
  };
  command.configureOutput({
    writeOut: write,
    writeErr: write,
    getOutHelpWidth: () => COLUMNS,
    getErrHelpWidth: () => COLUMNS,
  });
  command.exitOverride();
  run();
  return text;
}

describe.each(commands)("%s --help", (name, command) => {
  it("fits a terminal, and says what it is for", () => {
    const text = printed(command, () => command.outputHelp());
    expect(text).toContain(`Usage: ${name} `);
    expect(command.description()).not.toBe("");
    expect(text.split("\n").filter((line) => line.length > COLUMNS)).toEqual([]);
    // No default value in a notation of its own.
    expect(text).not.toContain("{}");
  });

  it("is what a mistyped option leads to", () => {
    const text = printed(command, () => {
      expect(() => command.parse(["--nonsense"], { from: "user" })).toThrow(CommanderError);
    });
    expect(text).toContain(`(see ${name} --help)`);
  });
});

it("what is wrong with a command fits a terminal, too", () => {
  const add = commands.find(([name]) => name === "berth resource add")?.[1];
  if (add === undefined) throw new Error("there is no such command");
  const args = ["hpc", "--host", "hpc", "--scheduler", "one-that-nobody-has-ever-heard-of"];
  const text = printed(add, () => {
    expect(() => add.parse(args, { from: "user" })).toThrow(CommanderError);
  });
  expect(text).toContain("Allowed choices are");
  expect(text.split("\n").filter((line) => line.length > COLUMNS)).toEqual([]);
});

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandResult, RunOptions, Shell } from "../../agent/ssh/shell.ts";
import { CannotAsk } from "../../agent/ssh/shell.ts";
import { ROOT } from "./repository-files.ts";

/** What a command printed once, and how it ended. `state`: of the job it is about, at that moment. */
export type Recording = {
  name: string;
  argv: readonly string[];
  code: number;
  state: string;
  what: string;
  stdout: Buffer;
  stderr: string;
};

type Line = Omit<Recording, "stdout"> & { stdout: boolean };

/** The recordings of a folder of `test/fixtures/`, by the name that its `index.json` gives them, without the number. */
export class Recordings {
  readonly #version: string;
  readonly #byName: ReadonlyMap<string, Recording>;

  /** @param version the folder in it, such as `torque-6.1.3` */
  constructor(folder: string, version: string) {
    this.#version = version;
    const root = join(ROOT, "test/fixtures", folder);
    const lines = JSON.parse(readFileSync(join(root, "index.json"), "utf8")) as Line[];
    this.#byName = new Map(
      lines
        .filter(({ name }) => name.startsWith(`${version}/`))
        .map((line) => [
          line.name.slice(version.length + 1).replace(/^\d+-/, ""),
          { ...line, stdout: line.stdout ? readFileSync(join(root, `${line.name}.out`)) : Buffer.alloc(0) },
        ]),
    );
  }

  /** For the titles of tests. */
  toString(): string {
    return this.#version;
  }

  get names(): string[] {
    return [...this.#byName.keys()];
  }

  get(name: string): Recording {
    const found = this.#byName.get(name);
    if (found === undefined) throw new Error(`no recording "${name}"`);
    return found;
  }
}

type Answer = Pick<Recording, "code" | "stdout" | "stderr"> | "hangs";

/** A host that answers what was recorded, and fails the test that asks it anything else. */
export class RecordedShell implements Shell {
  readonly #answers = new Map<string, Answer>();
  /** What was asked, in order, without what comes before the command itself. */
  readonly asked: string[][] = [];
  /** The variables that `env` was to set for them. */
  readonly environment = new Set<string>();
  /** What the commands were given to read. */
  readonly inputs: string[] = [];

  constructor(...recordings: readonly Recording[]) {
    for (const recording of recordings) this.answer(recording.argv, recording);
  }

  /** Answers other words than those recorded with a recording. */
  answer(argv: readonly string[], answer: Answer): this {
    this.#answers.set(JSON.stringify(argv), answer);
    return this;
  }

  async run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<CommandResult> {
    for (const word of argv) if (/^[A-Z_]+=/.test(word)) this.environment.add(word);
    const command = argv.slice(
      argv.findIndex((word) => word !== "env" && !/^(?:[A-Z_]+=|--unset=)/.test(word)),
    );
    this.asked.push(command);
    if (options.input !== undefined) this.inputs.push(options.input.toString());
    const answer = this.#answers.get(JSON.stringify(command));
    if (answer === undefined) throw new Error(`asked what is not recorded: ${JSON.stringify(command)}`);
    if (answer === "hangs") throw new CannotAsk(`${command[0]} did not answer in time`);
    return { code: answer.code, stdout: answer.stdout, stderr: answer.stderr };
  }
}

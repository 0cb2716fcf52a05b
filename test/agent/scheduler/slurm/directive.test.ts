import { describe, expect, it } from "vitest";
import { freeDirective } from "../../../../agent/scheduler/slurm/directive.ts";

const FIELD = "scheduler.directives.2";
const directive = (text: string): string => freeDirective(FIELD, text);

describe("a directive of the user's own", () => {
  it.each([
    ["--constraint=gpu", "#SBATCH --constraint=gpu"],
    ["#SBATCH --constraint=gpu", "#SBATCH --constraint=gpu"],
    ["  #sbatch   -C gpu   --nice ", "#SBATCH -C gpu --nice"],
    ["-Cgpu -HO", "#SBATCH -Cgpu -HO"],
    ["--mail-type=END # my comment", "#SBATCH --mail-type=END"],
    ['--constraint="a&b"', '#SBATCH "--constraint=a&b"'],
    [String.raw`--wckey='a b' -x c\ d`, '#SBATCH "--wckey=a b" -x "c d"'],
    [String.raw`--wckey="a\"b\\c"`, String.raw`#SBATCH "--wckey=a\"b\\c"`],
    ["--reservation=x#--array=1-3", "#SBATCH --reservation=x"],
    ["--export=ALL,A=b", "#SBATCH --export=ALL,A=b"],
    ["--exclusive --exclude=c1 --wait-all-nodes=1", "#SBATCH --exclusive --exclude=c1 --wait-all-nodes=1"],
    ["--some-plugin's=1'", "#SBATCH --some-plugins=1"],
  ])("reads %s as sbatch does", (text, line) => {
    expect(directive(text)).toBe(line);
  });

  it.each([
    "--job-name=x",
    "--job=x",
    "-Jx",
    "-HJ x",
    "-J x",
    "--output x",
    "--outp=x",
    "-ox",
    "-e x",
    "--error=x",
    "--chdir=/",
    "-D /",
    "--array=1-9",
    "--arr=1-9",
    "-a1",
    "--wrap=id",
    "--wr id",
    "--requeue",
    "--no-requeue",
    "--parsable",
    "--export=NONE",
    "--export=PATH",
    "--exp=NONE",
    "--export-file=x",
    "--test-only",
    "-W",
    "--wait",
    "--comment=x",
    "-C gpu --output=x",
    '-C gpu "--output=x"',
    String.raw`-C gpu \--output=x`,
    "--constraint --output=x",
    "-Q",
    "-V",
  ])("refuses %s, since Berth rules it", (text) => {
    expect(() => directive(text)).toThrow(
      expect.objectContaining({
        code: "invalid_input",
        field: FIELD,
        message: expect.stringContaining(FIELD),
      }),
    );
  });

  it.each([
    ["#PBS -l walltime=1:00", "is for another scheduler"],
    ["constraint=gpu", "is not an option"],
    ["", "is not an option"],
    ["-- -J x", "is not an option"],
    ["hetjob", "is not an option"],
    ['--constraint="a', "a quote is not closed"],
    ["--nice\n#SBATCH --array=1-9", "one line"],
    ["--nice\r--array=1-9", "one line"],
    ["--nice\u2028x", "one line"],
    ["--nice\u001b[2J", "one line"],
  ])("refuses %j", (text, why) => {
    expect(() => directive(text)).toThrow(why);
  });

  it("says how an abbreviation is meant to be written", () => {
    expect(() => directive("--outp=x")).toThrow("it may mean --output; write the option in full");
  });
});

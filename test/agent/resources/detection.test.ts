import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { choose, detect, type Detection, locate, type Presence } from "../../../agent/resources/detection.ts";
import { LocalShell } from "../../support/local-shell.ts";
import { temporaryDirectory } from "../../support/session-directory.ts";

const ANSWERS: Presence = { kind: "answers" };
const ABSENT: Presence = { kind: "absent" };
const SILENT: Presence = { kind: "silent", why: "it is down" };

let home: string;
let programs: string;

beforeEach(async () => {
  home = await temporaryDirectory();
  programs = join(home, "bin");
  await mkdir(programs);
  await Promise.all(["sh", "bash", "env", "cat"].map((name) => install(name, `exec /usr/bin/${name} "$@"`)));
});

/** A host that has these programs alone. */
const host = (): LocalShell => new LocalShell({ home, env: { PATH: programs } });

async function install(name: string, script: string): Promise<void> {
  await writeFile(join(programs, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

describe("a scheduler is detected", () => {
  it("by its programs and its server's answer", async () => {
    await install("sbatch", "exit 0");
    await install("sinfo", "echo main");
    expect(await detect(host())).toEqual({ slurm: ANSWERS, pbs: ABSENT });
  });

  it("as silent, in its own words, when the server does not answer", async () => {
    await install("qsub", "exit 0");
    await install("qstat", "echo 'qstat: cannot connect to server pbs (errno=15010)' >&2; exit 170");
    expect(await detect(host())).toEqual({
      slurm: ABSENT,
      pbs: { kind: "silent", why: "cannot connect to server pbs (errno=15010)" },
    });
  });

  it("as absent when there is nothing", async () => {
    expect(await detect(host())).toEqual({ slurm: ABSENT, pbs: ABSENT });
  });

  it.each<[Detection, string]>([
    [{ slurm: ANSWERS, pbs: ANSWERS }, "slurm"],
    [{ slurm: ANSWERS, pbs: SILENT }, "slurm"],
    [{ slurm: SILENT, pbs: ANSWERS }, "pbs"],
    [{ slurm: ABSENT, pbs: ANSWERS }, "pbs"],
    [{ slurm: SILENT, pbs: SILENT }, "slurm"],
    [{ slurm: ABSENT, pbs: SILENT }, "pbs"],
    [{ slurm: ABSENT, pbs: ABSENT }, "none"],
  ])("%j as %s", (detection, scheduler) => {
    expect(choose(detection)).toBe(scheduler);
  });
});

describe("a program is located", () => {
  it("where it can be run, and is not where it cannot", async () => {
    await install("sbatch", "");
    await install("squeue", "");
    await chmod(join(programs, "squeue"), 0o644);
    expect(await locate(host(), ["sbatch", "squeue", "scancel"])).toEqual(
      new Map([["sbatch", join(programs, "sbatch")]]),
    );
  });
});

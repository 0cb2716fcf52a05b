import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { processesOf } from "../../support/processes.ts";
import { ECHO, Workspace } from "../../support/workspace.ts";

const HOSTILE = {
  command: '"; touch pwned; "',
  substitution: "$(touch pwned) `touch pwned` ${HOME} $service_port !! \\",
  quotes: `it's "quoted" 'twice' ''`,
  newline: "one\ntwo\r\nthree\n#PBS -q x\n\n",
  long: "0123456789".repeat(10_000),
  glob: "* ? [a-z] ~ {1..3}",
  unicode: "Übergrößenträger 𝒳 \u2028 \u202e",
  empty: "",
  dashes: "-n --help",
};

describe("an input", { timeout: 30_000 }, () => {
  it.each(Object.entries(HOSTILE))("arrives as it was given: %s", async (_, text) => {
    const workspace = await Workspace.open({ echo: `printf '%s' "$service_text" >arrived; ${ECHO}` });
    const { id } = await workspace.run("echo", { text, number: 42.5, truth: true });
    expect(await readFile(workspace.path(id, "arrived"), "utf8")).toBe(text);
    expect(await workspace.read(id, "pwned")).toBe("");
  });

  it("is neither in the environment of the service nor on its command line", async () => {
    const workspace = await Workspace.open({ echo: ECHO });
    const { id } = await workspace.run("echo", { password: "hunter2" });
    const processes = await processesOf(id);
    expect(processes.length).toBeGreaterThan(0);
    for (const { pid } of processes)
      for (const file of ["environ", "cmdline"])
        expect(await readFile(`/proc/${pid}/${file}`, "utf8")).not.toContain("hunter2");
  });

  it("that no script can hold fails the session, and nothing is started", async () => {
    const workspace = await Workspace.open({ echo: ECHO });
    const spec = workspace.spec("echo", { text: "a\0b" });
    workspace.want(spec);
    expect((await workspace.until(spec.id, "failed")).error).toContain("NUL");
    expect(await workspace.read(spec.id, "pid")).toBe("");
  });

  it("that does not match its pattern fails the session, and nothing is started", async () => {
    const form = 'inputs: [{ name: folder, type: string, label: Folder, pattern: "[a-z/]+" }]\n';
    const workspace = await Workspace.open({ echo: { "start_template.sh": ECHO, "service.yaml": form } });
    const spec = workspace.spec("echo", { folder: "A;B" });
    workspace.want(spec);
    expect((await workspace.until(spec.id, "failed")).error).toContain("Folder: must match [a-z/]+");
    expect(await workspace.read(spec.id, "pid")).toBe("");
  });
});

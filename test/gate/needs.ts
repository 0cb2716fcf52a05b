import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { findProgram } from "../../agent/programs.ts";
import { type Argv, ROOT, run, type RunOptions } from "./command.ts";
import type { Outcome } from "./outcome.ts";

/** Something from the system that tests use: it is there, or Debian's packages bring it. */
export type Need = {
  name: string;
  /** There when one of these programs or files is. */
  anyOf: readonly string[];
  packages: readonly string[];
  /** Where Ubuntu's packages have other names. */
  ubuntu?: readonly string[];
};

export const NEEDS: readonly Need[] = [
  {
    name: "Chromium",
    anyOf: ["chromium", "chromium-browser", "google-chrome"],
    packages: ["chromium"],
    ubuntu: ["chromium-browser"],
  },
  {
    name: "fonts for Chromium",
    anyOf: ["/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "/usr/share/fonts/dejavu-sans-fonts"],
    packages: ["fonts-dejavu-core"],
  },
  { name: "Jupyter Notebook", anyOf: ["jupyter-notebook"], packages: ["jupyter-notebook"] },
  { name: "nginx", anyOf: ["nginx"], packages: ["nginx-light"] },
  { name: "Python", anyOf: ["python3"], packages: ["python3"] },
  { name: "git", anyOf: ["git"], packages: ["git"] },
  { name: "curl", anyOf: ["curl"], packages: ["curl"] },
  // The test cluster's.
  { name: "Slurm's controller", anyOf: ["slurmctld"], packages: ["slurm-wlm"] },
  { name: "Slurm's node daemon", anyOf: ["slurmd"], packages: ["slurm-wlm"] },
  { name: "Slurm's commands of PBS", anyOf: ["qsub"], packages: ["slurm-wlm-torque"] },
  { name: "Slurm's accounting", anyOf: ["slurmdbd"], packages: ["slurmdbd"] },
  { name: "MariaDB", anyOf: ["mariadbd"], packages: ["mariadb-server-core"] },
  { name: "MariaDB's client", anyOf: ["mariadb"], packages: ["mariadb-client-core"] },
  { name: "MUNGE", anyOf: ["munged"], packages: ["munge"] },
  { name: "sshd", anyOf: ["sshd"], packages: ["openssh-server"] },
  { name: "ssh", anyOf: ["ssh"], packages: ["openssh-client"] },
  { name: "ip", anyOf: ["ip"], packages: ["iproute2"] },
  { name: "nft", anyOf: ["nft"], packages: ["nftables"] },
  { name: "nc", anyOf: ["nc"], packages: ["netcat-openbsd"] },
  { name: "tcsh", anyOf: ["tcsh"], packages: ["tcsh"] },
];

/** The PATH for the tests: Debian keeps nginx where a user's own PATH may not lead. */
export const systemPath = (): string => `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;

async function isMet({ anyOf }: Need): Promise<boolean> {
  const found = await Promise.all(
    anyOf.map((one) =>
      one.startsWith("/")
        ? access(one).then(
            () => true,
            () => false,
          )
        : findProgram(one, systemPath()).then((file) => file !== undefined),
    ),
  );
  return found.includes(true);
}

/** Those needs that nothing here meets. */
async function unmet(needs: readonly Need[]): Promise<Need[]> {
  const met = await Promise.all(needs.map(isMet));
  return needs.filter((_, index) => !met[index]);
}

type Distribution = "debian" | "ubuntu" | "other";

async function distribution(): Promise<Distribution> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  const ids = [...release.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)/gm)].map(([, value = ""]) => value);
  const family = new Set(ids.join(" ").split(" "));
  return family.has("ubuntu") ? "ubuntu" : family.has("debian") ? "debian" : "other";
}

/** What to put before a command so that root runs it without a question; undefined: this user may not. */
async function rootPrefix(options: RunOptions): Promise<string[] | undefined> {
  if (process.getuid?.() === 0) return [];
  const sudo = await run(["sudo", "-n", "true"], options);
  return sudo.code === 0 ? ["sudo", "-n"] : undefined;
}

/** Installs what the needs lack, where that is allowed. Says what is missing then, and the command that brings it. */
export async function meet(needs: readonly Need[], options: RunOptions): Promise<Outcome[]> {
  const system = await distribution();
  const packagesOf = (some: readonly Need[]) => [
    ...new Set(some.flatMap(({ packages, ubuntu }) => (system === "ubuntu" && ubuntu) || packages)),
  ];
  let missing = await unmet(needs);
  let failure = "";
  const prefix = missing.length > 0 && system !== "other" ? await rootPrefix(options) : undefined;
  if (prefix !== undefined) {
    const packages = packagesOf(missing);
    process.stdout.write(`… installing ${packages.join(" ")}\n`);
    const script = join(ROOT, "test/gate/install-packages.sh");
    const [program, ...parameters] = [...prefix, "sh", script, ...packages];
    const { code, output } = await run([program ?? "sh", ...parameters] satisfies Argv, options);
    if (code !== 0) failure = `\n${output.trimEnd().split("\n").slice(-15).join("\n")}`;
    missing = await unmet(needs);
  }
  const command = `sudo apt-get install --no-install-recommends ${packagesOf(missing).join(" ")}`;
  return needs.map((need): Outcome => {
    if (!missing.includes(need)) return { name: need.name, state: "passed" };
    const state = process.env["CI"] === "true" ? "failed" : "skipped";
    return {
      name: need.name,
      state,
      detail: `It is not installed. All that is missing:\n${command}${failure}`,
    };
  });
}

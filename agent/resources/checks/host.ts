import { error, ok, warning } from "../../finding.ts";
import { acceptableKey, BASH, type ResourceCheck, runOn, saidBy, troubleFinding } from "./check.ts";

/** Bash that the session's script is written for: 4.2 came with RHEL 7. */
const LEAST_BASH = [4, 2] as const;
/** Seconds. Beyond it times of the scheduler and of the workspace cannot be compared. */
const LARGEST_SKEW = 30;
/** KiB. Sessions' logs and scripts need some room. */
const LITTLE_ROOM = 102_400;

export const connection: ResourceCheck = {
  what: "connecting",
  isVital: true,
  examine: async (patient) => {
    // A jump host has a key of its own, so that more than one may have to be accepted.
    const offered = new Set<string>();
    for (;;) {
      try {
        await patient.connection.connect({ signal: patient.signal });
        return [ok(`${patient.definition.host} answers and lets you in`)];
      } catch (cause) {
        patient.signal.throwIfAborted();
        const key = acceptableKey(cause);
        const isNew = key !== undefined && !offered.has(key.fingerprint);
        if (isNew) offered.add(key.fingerprint);
        if (!isNew || !(await patient.acceptHostKey(key))) return [troubleFinding(cause, patient)];
      }
    }
  },
};

/** Bash reads ~/.bashrc when it is started by sshd, which it knows by SSH_CLIENT and by its level (bash(1), INVOCATION). */
const STARTUP = `printf '%s\\n' "$SHELL"; exec env SHLVL=0 "$SHELL" -c : 2>&1`;

export const loginShell: ResourceCheck = {
  what: "looking at the login shell",
  isVital: true,
  examine: async (patient) => {
    const { stdout } = await runOn(patient, ["sh", "-c", STARTUP]);
    const [shell = "", ...rest] = stdout.toString("utf8").split("\n");
    const noise = rest.join(" ").replaceAll(/\s+/g, " ").trim();
    if (noise === "") return [ok(`the login shell is ${shell}; commands run in it as they should`)];
    return [
      ok(`the login shell is ${shell}; commands run in it`),
      warning(
        `the startup files of ${shell} print: ${noise.slice(0, 120)}`,
        "Have them print to a terminal only. In ~/.bashrc put `[[ $- == *i* ]] || return` before what prints, in\n" +
          "~/.tcshrc `if (! $?prompt) exit`. scp, rsync and the nodes' way through this host would read it as theirs.",
      ),
    ];
  },
};

export const bash: ResourceCheck = {
  what: "looking for bash",
  examine: async (patient) => {
    const version = `printf '%s %s' "\${BASH_VERSINFO[0]}" "\${BASH_VERSINFO[1]}"`;
    const { code, stdout } = await runOn(patient, [...BASH, version]);
    if (code !== 0)
      return [error("there is no bash on the controller", "Have it installed: sessions need it.")];
    const [major = 0, minor = 0] = stdout.toString("utf8").split(" ").map(Number);
    const [leastMajor, leastMinor] = LEAST_BASH;
    if (major > leastMajor || (major === leastMajor && minor >= leastMinor))
      return [ok(`bash is ${major}.${minor}`)];
    return [
      error(
        `bash is ${major}.${minor}: too old`,
        `Have a newer one on the PATH: sessions need ${LEAST_BASH.join(".")}.`,
      ),
    ];
  },
};

/** Writes 1 MiB to where sessions are kept; says how much room is left, in KiB. */
const WRITE = `umask 077
cd && mkdir -p .berth && file=.berth/doctor.$$ || exit 1
trap 'rm -f "$file"' EXIT
dd if=/dev/zero of="$file" bs=65536 count=16 conv=fsync 2>&1 || exit 1
df -Pk .berth | awk 'END { print "room", $4 }'`;

const DISK_TROUBLES = [
  {
    sign: /no space left/i,
    title: "the home directory is full",
    remedy: "Free some room there, or ask for more; `df -h ~/.berth` on the controller shows what is left.",
  },
  {
    sign: /quota/i,
    title: "your quota in the home directory is used up",
    remedy: "Delete what you no longer need there, or ask for more; `quota -s` on the controller shows it.",
  },
] as const;

export const home: ResourceCheck = {
  what: "writing to the home directory",
  examine: async (patient) => {
    const result = await runOn(patient, ["sh", "-c", WRITE]);
    const said = saidBy(result);
    const room = /\broom (\d+)/.exec(said);
    if (result.code !== 0 || room === null) {
      const known = DISK_TROUBLES.find(({ sign }) => sign.test(said));
      if (known !== undefined) return [error(known.title, known.remedy)];
      return [
        error(`cannot write to ~/.berth: ${said}`, "Mend what it says: sessions keep their files there."),
      ];
    }
    if (Number(room[1]) < LITTLE_ROOM)
      return [warning("the home directory has less than 100 MiB left", "Free some room there.")];
    return [ok("the home directory can be written to")];
  },
};

export const clock: ResourceCheck = {
  what: "comparing the clocks",
  examine: async (patient) => {
    const before = patient.now();
    const { stdout } = await runOn(patient, ["date", "+%s"]);
    const after = patient.now();
    // Its seconds are whole, and it was asked some time between the two.
    const skew = Number(stdout.toString("utf8")) + 0.5 - (before + after) / 2000;
    const doubt = 0.5 + (after - before) / 2000;
    if (Math.abs(skew) - doubt <= LARGEST_SKEW) return [ok("the clocks agree")];
    const seconds = Math.round(Math.abs(skew));
    return [
      warning(
        `the controller's clock is ${seconds} s ${skew > 0 ? "ahead of" : "behind"} this workspace's`,
        "Have both set by NTP (`timedatectl` shows whether they are): times of the queue are shown wrongly.",
      ),
    ];
  },
};

import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/*
 * Stands in for systemd 252 where no user manager runs: its answers are as systemctl(1) and loginctl(1) describe them, those
 * without a bus as the real programs give them on such a machine.
 */
const SYSTEMCTL = `#!/bin/sh
here=$(dirname -- "$0")
printf '%s\\n' "$*" >> "$here/calls"
if [ -e "$here/no-bus" ]; then
  echo 'Failed to connect to bus: No medium found' >&2
  exit 1
fi
unit=$XDG_CONFIG_HOME/systemd/user/berth-agent.service
case "$*" in
'--user show --property=Version') echo 'Version=252.38-1~deb12u1' ;;
'--user daemon-reload') : ;;
'--user enable berth-agent.service')
  [ -e "$unit" ] || { echo 'Failed to enable unit: Unit file berth-agent.service does not exist.' >&2; exit 1; }
  touch "$here/enabled"
  echo "Created symlink $XDG_CONFIG_HOME/systemd/user/default.target.wants/berth-agent.service → $unit." >&2 ;;
'--user restart berth-agent.service') touch "$here/active" ;;
'--user disable --now berth-agent.service') rm -f "$here/enabled" "$here/active" ;;
'--user show berth-agent.service --property='*)
  load=not-found active=inactive sub=dead pid=0 state=
  [ -e "$unit" ] && load=loaded
  [ -e "$here/enabled" ] && state=enabled
  [ -e "$here/active" ] && active=active sub=running pid=4242
  [ -e "$here/failed" ] && active=failed sub=failed pid=0
  for property in $(printf '%s' "\${*##*=}" | tr , ' '); do
    case $property in
    LoadState) echo "LoadState=$load" ;;
    ActiveState) echo "ActiveState=$active" ;;
    SubState) echo "SubState=$sub" ;;
    MainPID) echo "MainPID=$pid" ;;
    UnitFileState) echo "UnitFileState=$state" ;;
    esac
  done ;;
*) echo "Unknown command verb $2." >&2; exit 1 ;;
esac
`;

const LOGINCTL = `#!/bin/sh
here=$(dirname -- "$0")
[ -e "$here/no-bus" ] && { echo "Failed to connect to bus: Host is down" >&2; exit 1; }
if [ -e "$here/lingers" ]; then echo Linger=yes; else echo Linger=no; fi
`;

type State = "no-bus" | "lingers" | "failed";

/** A user's systemd in a folder of its own: its programs on PATH, and its units below XDG_CONFIG_HOME. */
export class FakeSystemctl implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<FakeSystemctl> {
    const fake = new FakeSystemctl(await mkdtemp(join(tmpdir(), "berth-systemctl-")));
    for (const [name, text] of Object.entries({ systemctl: SYSTEMCTL, loginctl: LOGINCTL })) {
      await writeFile(join(fake.folder, name), text);
      await chmod(join(fake.folder, name), 0o755);
    }
    return fake;
  }

  get env(): NodeJS.ProcessEnv {
    const path = [this.folder, process.env["PATH"] ?? ""].join(delimiter);
    return { PATH: path, XDG_CONFIG_HOME: join(this.folder, "config") };
  }

  get unit(): string {
    return join(this.folder, "config/systemd/user/berth-agent.service");
  }

  /** Puts it into a state from now on. */
  is(state: State): Promise<void> {
    return writeFile(join(this.folder, state), "");
  }

  /** What it was asked to change, in order. */
  async changes(): Promise<string[]> {
    const calls = await readFile(join(this.folder, "calls"), "utf8").catch(() => "");
    return calls.split("\n").filter((call) => call !== "" && !call.startsWith("--user show"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

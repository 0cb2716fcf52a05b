import type { PresentedHostKey } from "./host-key.ts";
import { CannotAsk } from "./shell.ts";

/** What can be wrong between the workspace and a host, and what the user can do about it. */
const REMEDIES = {
  config: "Correct the host's entry in your ssh configuration; `ssh -G HOST` shows how ssh reads it.",
  no_ssh:
    "Install the OpenSSH client (`openssh-client`) in the workspace: Berth reads your configuration by it.",
  unreachable:
    "See whether `ssh HOST` reaches it from the workspace; check the host name, the network and the VPN.",
  timeout: "See whether `ssh HOST` reaches it from the workspace, and try again.",
  proxy_failed: "Run the ProxyCommand of the host's entry by hand and see what it says.",
  host_key_unknown: "Add it with `berth resource add`, which shows the key and asks.",
  host_key_changed:
    "Ask the host's administrators. If the new key is right, accept it on purpose: `berth resource doctor NAME --accept-host-key FINGERPRINT`.",
  host_key_revoked: "Ask the host's administrators: a known_hosts file marks this key as revoked.",
  handshake_failed: "See what `ssh -v HOST` says of the algorithms that the server offers.",
  no_key:
    "Make a key (`ssh-keygen -t ed25519`), have its public half accepted by the host, or start an ssh-agent.",
  agent_empty: "Give the agent a key: `ssh-add`.",
  agent_unreachable: "Start an ssh-agent, or point SSH_AUTH_SOCK or IdentityAgent at the one that runs.",
  key_encrypted: "Give the key to an ssh-agent, which asks for its passphrase: `ssh-add FILE`.",
  permission_denied:
    "See whether `ssh HOST` works without a password; append your public key to the host's ~/.ssh/authorized_keys.",
  startup_file:
    "Look at the login shell's startup file on the host (~/.bashrc, ~/.zshenv, ~/.tcshrc): it must not end or replace the shell when that has no terminal.",
  channel_refused:
    "Try again; if it stays, the host's sshd allows no commands or too few sessions (MaxSessions).",
  forward_refused:
    "Ask for `AllowTcpForwarding yes` in the host's sshd_config: sessions are reached through it.",
  output_too_long: "Ask for less at once.",
  closed: "Nothing needs to be done: Berth connects again by itself.",
  ended: "Start the agent again.",
} as const satisfies Record<string, string>;

/** A closed list: each has its own remedy. */
export type SshTrouble = keyof typeof REMEDIES;

/** The host could not be asked, and why. `message` is a sentence for the user. */
export class SshError extends CannotAsk {
  readonly trouble: SshTrouble;
  /** Of the three kinds of trouble with a host's key: the key that the host has shown. */
  readonly hostKey: PresentedHostKey | undefined;

  constructor(
    trouble: SshTrouble,
    message: string,
    options: { cause?: unknown; hostKey?: PresentedHostKey } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.trouble = trouble;
    this.hostKey = options.hostKey;
  }

  /** What the user can do. @param host how they name it to ssh */
  remedyFor(host: string): string {
    return REMEDIES[this.trouble].replaceAll("HOST", host);
  }
}

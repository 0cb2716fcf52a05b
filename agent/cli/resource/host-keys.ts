import { createInterface } from "node:readline/promises";
import { addKnownHost } from "../../ssh/known-hosts.ts";
import type { PresentedHostKey } from "../../ssh/host-key.ts";
import { plain } from "../output.ts";

/** The fingerprints of `--accept-host-key`, which may be said several times: a jump host has a key of its own. */
export const collectFingerprint = (text: string, all: string[] = []): string[] => [...all, text];

/** What a shell reads as the one word that it is. */
const PLAIN_WORD = /^[\w@%+=:,./-]+$/;

/** The command that runs now, with the option that accepts a key: to be copied. */
export function acceptCommand(fingerprint: string): string {
  const words = ["berth", ...process.argv.slice(2), "--accept-host-key", fingerprint];
  return words
    .map((word) => (PLAIN_WORD.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`))
    .join(" ");
}

/** Asks whoever sits at the terminal. Anything but `yes` is no. */
async function ask({ name, type, fingerprint }: PresentedHostKey): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    process.stderr.write(
      `The host ${plain(name)} is not known yet. It shows this key:\n    ${plain(type)} ${fingerprint}\n` +
        "Compare it with what the cluster's documentation or its administrators say.\n",
    );
    return (await terminal.question("Is it the right one? (yes/no) ")).trim().toLowerCase() === "yes";
  } catch {
    // The terminal was closed.
    return false;
  } finally {
    terminal.close();
  }
}

export type Consent = {
  /** Berth's own known_hosts file. */
  knownHosts: string;
  /** Fingerprints that were accepted on the command line. */
  accepted: readonly string[];
  /** Whether somebody can be asked. */
  isInteractive: boolean;
};

/**
 * Has the user accept a key that a host shows: by its fingerprint on the command line, or, on first contact and at a
 * terminal, when asked. A key that has changed is accepted by its fingerprint alone.
 */
export async function acceptHostKey(key: PresentedHostKey, consent: Consent): Promise<boolean> {
  const { knownHosts, accepted, isInteractive } = consent;
  const isFirst = key.known.length === 0;
  const isAccepted = accepted.includes(key.fingerprint) || (isInteractive && isFirst && (await ask(key)));
  if (isAccepted) await addKnownHost(knownHosts, key.name, key);
  return isAccepted;
}

import {
  type AnyAuthMethod,
  BaseAgent,
  createAgent,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
} from "ssh2";
import { type KeyFile, readKeyFile } from "./key-file.ts";
import type { HostConfig } from "./ssh-config.ts";
import { SshError } from "./trouble.ts";

/** An agent that asks for a confirmation does so when it signs, not when it lists its keys. */
const AGENT_TIMEOUT_MS = 5_000;

type Identities = { kind: "none" } | { kind: "failed"; why: string } | { kind: "keys"; keys: ParsedKey[] };

/**
 * What can be shown to a host, in ssh's order: the agent's keys that IdentityFile names, its other keys unless
 * IdentitiesOnly, then the key files that no agent holds. Never a password, never keyboard-interactive.
 */
export class Credentials {
  /** To be tried one after the other. */
  readonly methods: readonly AnyAuthMethod[];
  readonly #config: HostConfig;
  readonly #identities: Identities;
  readonly #files: readonly KeyFile[];

  constructor(config: HostConfig, identities: Identities, files: readonly KeyFile[]) {
    this.#config = config;
    this.#identities = identities;
    this.#files = files;
    const username = config.user;
    const held = identities.kind === "keys" ? identities.keys : [];
    const named = files.map((file) => held.find((key) => isOf(key, file))).filter((key) => key !== undefined);
    const shown = new Set(config.identitiesOnly ? named : [...named, ...held]);
    const socket = config.agentSocket;
    this.methods = [
      ...(socket === undefined || shown.size === 0
        ? []
        : [{ type: "agent" as const, username, agent: new ChosenKeys(createAgent(socket), [...shown]) }]),
      ...files
        .filter((file) => file.kind === "private")
        .filter((file) => !held.some((key) => isOf(key, file)))
        .map(({ key }) => ({ type: "publickey" as const, username, key })),
    ];
  }

  /**
   * Why the host cannot be logged in to, once every method has been refused.
   * @param accepted the methods that the server takes, where it has said so
   */
  refusal(accepted: readonly string[] | undefined): SshError {
    const { alias, user } = this.#config;
    const encrypted = this.#files.find((file) => file.kind === "encrypted" && !this.#isHeld(file.publicKey));
    const notTried =
      encrypted === undefined ? "" : ` The key ${encrypted.path} needs a passphrase and was not tried.`;
    if (this.methods.length > 0) {
      const others = accepted?.includes("publickey") === false ? accepted.join(", ") : undefined;
      const wants = others === undefined ? "" : ` It wants ${others}, which Berth has no part in.`;
      return new SshError(
        "permission_denied",
        `"${alias}" does not let the user "${user}" in by any of your keys.${wants}${notTried}`,
      );
    }
    if (encrypted !== undefined)
      return new SshError(
        "key_encrypted",
        `Cannot log in to "${alias}": the key ${encrypted.path} needs a passphrase, and no ssh-agent holds it. Run: ssh-add ${encrypted.path}`,
      );
    switch (this.#identities.kind) {
      case "failed":
        return new SshError(
          "agent_unreachable",
          `Cannot log in to "${alias}": the ssh-agent at ${this.#config.agentSocket ?? ""} does not answer (${this.#identities.why}).`,
        );
      case "keys":
        return new SshError(
          "agent_empty",
          this.#identities.keys.length === 0
            ? `Cannot log in to "${alias}": the ssh-agent holds no key.`
            : `Cannot log in to "${alias}": the ssh-agent holds none of the keys that IdentityFile names (IdentitiesOnly).`,
        );
      case "none": {
        const unreadable = this.#files.find((file) => file.kind === "unreadable");
        const why = unreadable === undefined ? "" : ` ${unreadable.path} cannot be read: ${unreadable.why}.`;
        return new SshError(
          "no_key",
          `Cannot log in to "${alias}": there is no key to show it, and no ssh-agent.${why}`,
        );
      }
      default:
        return this.#identities satisfies never;
    }
  }

  #isHeld(publicKey: Buffer | undefined): boolean {
    return (
      publicKey !== undefined &&
      this.#identities.kind === "keys" &&
      this.#identities.keys.some((key) => key.getPublicSSH().equals(publicKey))
    );
  }
}

/** Asks the ssh-agent and reads the key files. */
export async function readCredentials(config: HostConfig): Promise<Credentials> {
  const [identities, files] = await Promise.all([
    readIdentities(config.agentSocket),
    Promise.all(config.identityFiles.map(readKeyFile)),
  ]);
  return new Credentials(
    config,
    identities,
    files.filter((file) => file !== undefined),
  );
}

function readIdentities(socket: string | undefined): Promise<Identities> {
  const { promise, resolve } = Promise.withResolvers<Identities>();
  if (socket === undefined) return Promise.resolve({ kind: "none" });
  const timer = setTimeout(
    () => resolve({ kind: "failed", why: "it does not list its keys" }),
    AGENT_TIMEOUT_MS,
  );
  createAgent(socket).getIdentities((error, keys) => {
    clearTimeout(timer);
    if (error) resolve({ kind: "failed", why: error.message });
    else {
      // Of a type that ssh2 can sign with: a security key's is not.
      resolve({ kind: "keys", keys: (keys ?? []).filter(isParsedKey) });
    }
  });
  return promise;
}

function isParsedKey(key: object | string): key is ParsedKey {
  return typeof key === "object" && "getPublicSSH" in key;
}

function isOf(key: ParsedKey, file: KeyFile): boolean {
  return (
    file.kind !== "unreadable" && file.publicKey !== undefined && key.getPublicSSH().equals(file.publicKey)
  );
}

/** Some of an agent's keys, in our order. */
class ChosenKeys extends BaseAgent {
  readonly #agent: BaseAgent;
  readonly #keys: ParsedKey[];

  constructor(agent: BaseAgent, keys: ParsedKey[]) {
    super();
    this.#agent = agent;
    this.#keys = keys;
  }

  override getIdentities(callback: (error: Error | undefined, keys?: ParsedKey[]) => void): void {
    callback(undefined, this.#keys);
  }

  override sign(
    key: ParsedKey | Buffer | string,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    callback?: SignCallback,
  ): void {
    if (typeof options === "function") this.#agent.sign(key, data, options);
    else this.#agent.sign(key, data, options, callback);
  }
}

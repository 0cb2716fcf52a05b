import { type AnyAuthMethod, Client, type ClientErrorExtensions, type ConnectConfig } from "ssh2";
import { keepKeyObjects } from "./cipher-keys.ts";
import type { Credentials } from "./credentials.ts";
import { gatherWrites } from "./gathered-writes.ts";
import { type HostKey, hostKeyAlgorithms, readHostKey, verifyHostKey } from "./host-key.ts";
import type { KnownKeys } from "./known-hosts.ts";
import { noAnswer, type Route } from "./route.ts";
import type { HostConfig } from "./ssh-config.ts";
import { SshError } from "./trouble.ts";

/** An ssh2 client whose host's key is verified and which is logged in. */
export type Dialled = {
  client: Client;
  hostKey: HostKey;
  /** When it is no more, and why. Never rejects. */
  lost: Promise<SshError>;
  /** Says goodbye and ends everything it is made of; resolves when closed. */
  end: () => Promise<void>;
};

/** Measured: 380 MB/s with aes128-gcm, 170 with chacha20-poly1305. */
const CIPHERS = [
  "aes128-gcm@openssh.com",
  "aes256-gcm@openssh.com",
  "chacha20-poly1305@openssh.com",
  "aes128-ctr",
  "aes192-ctr",
  "aes256-ctr",
] as const;

/** A dead network is noticed after the third interval. */
const KEEPALIVE = { keepaliveInterval: 10_000, keepaliveCountMax: 2 };

/** Longer than the handshake's: an ssh-agent may ask its user for a confirmation or a touch. */
const LOGIN_TIMEOUT_MS = 60_000;
const GOODBYE_MS = 1_000;

/** One ssh2 client, from the handshake to its end. The only place where one is made: always with a verifier. */
export class Login {
  readonly #config: HostConfig;
  readonly #known: KnownKeys;
  readonly #credentials: Credentials;
  readonly #route: Route;
  readonly #client = new Client();
  readonly #lost = Promise.withResolvers<SshError>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  #phase: "handshake" | "login" | "up" | "ending" = "handshake";
  #hostKey: HostKey = { type: "", base64: "" };
  /** Why the host's key was refused. */
  #refusal: SshError | undefined;
  /** The methods that the server takes. */
  #accepted: readonly string[] | undefined;

  constructor(config: HostConfig, known: KnownKeys, credentials: Credentials, route: Route) {
    this.#config = config;
    this.#known = known;
    this.#credentials = credentials;
    this.#route = route;
  }

  /** @param deadline of the handshake */
  async complete(signal: AbortSignal, deadline: AbortSignal): Promise<Dialled> {
    const client = this.#client;
    client
      .on("error", (error) => {
        // The agent would not sign with one of its keys: ssh2 goes on to the next.
        if (error.level !== "agent") this.#lose(error);
      })
      .on("close", () => {
        this.#closed.resolve();
        this.#lose(undefined);
      })
      .on("handshake", () => {
        keepKeyObjects(client);
        if (this.#phase === "handshake") this.#phase = "login";
      })
      .on("ready", () => {
        this.#phase = "up";
        this.#ready.resolve();
      });
    gatherWrites(this.#route.stream);
    // The stream may end before ssh2 listens to it, and fail after it has ceased to.
    this.#route.stream.on("error", (error) => this.#lose(error)).on("close", () => this.#lose(undefined));
    const abort = (): void => this.#end(signal.reason as Error);
    const late = (): void => {
      if (this.#phase === "handshake") this.#end(noAnswer(this.#config, undefined));
    };
    const timer = setTimeout(
      () => this.#end(new SshError("timeout", `The login to "${this.#config.alias}" takes too long.`)),
      LOGIN_TIMEOUT_MS,
    );
    signal.addEventListener("abort", abort, { once: true });
    deadline.addEventListener("abort", late, { once: true });
    try {
      if (signal.aborted) abort();
      client.connect(this.#connectConfig());
      await this.#ready.promise;
    } catch (error) {
      this.#end(error as Error);
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      deadline.removeEventListener("abort", late);
    }
    return {
      client,
      hostKey: this.#hostKey,
      lost: this.#lost.promise,
      end: () => this.#goodbye(),
    };
  }

  #connectConfig(): ConnectConfig {
    const methods: Iterator<AnyAuthMethod, undefined> = this.#credentials.methods.values();
    return {
      sock: this.#route.stream,
      username: this.#config.user,
      hostVerifier: (blob: Buffer): boolean => {
        this.#hostKey = readHostKey(blob);
        this.#refusal = verifyHostKey(this.#hostKey, this.#known, this.#config);
        return this.#refusal === undefined;
      },
      algorithms: { cipher: [...CIPHERS], serverHostKey: hostKeyAlgorithms(this.#known.keys) },
      authHandler: (accepted: readonly string[] | null) => {
        this.#accepted = accepted ?? undefined;
        return accepted?.includes("publickey") === false ? false : (methods.next().value ?? false);
      },
      ...KEEPALIVE,
      readyTimeout: 0,
    };
  }

  #lose(error: (Error & ClientErrorExtensions) | undefined): void {
    this.#end(this.#explain(error));
  }

  #explain(error: (Error & ClientErrorExtensions) | undefined): SshError {
    const { alias } = this.#config;
    if (this.#refusal !== undefined) return this.#refusal;
    switch (this.#phase) {
      case "handshake":
        return error?.level === "handshake"
          ? new SshError(
              "handshake_failed",
              `Cannot agree with "${alias}" on a connection: ${error.message}.`,
              {
                cause: error,
              },
            )
          : this.#route.failure(error?.level === "protocol" ? undefined : error);
      case "login":
        return error?.level === "client-authentication" ||
          /authentication failures/i.test(error?.message ?? "")
          ? this.#credentials.refusal(this.#accepted)
          : new SshError(
              "closed",
              `"${alias}" closed the connection at the login: ${error?.message ?? "without a word"}.`,
              { cause: error },
            );
      case "up":
        return new SshError("closed", `The connection to "${alias}" is lost: ${lossReason(error)}.`, {
          cause: error,
        });
      case "ending":
        return new SshError("ended", `The connection to "${alias}" was ended.`);
      default:
        return this.#phase satisfies never;
    }
  }

  /** The first reason stands. */
  #end(why: Error | undefined): void {
    const error =
      why instanceof SshError
        ? why
        : new SshError("ended", `The connection to "${this.#config.alias}" was ended.`);
    this.#ready.reject(why ?? error);
    this.#ready.promise.catch(() => undefined);
    this.#lost.resolve(error);
    this.#client.destroy();
    this.#route.end();
  }

  async #goodbye(): Promise<void> {
    if (this.#phase === "up") this.#phase = "ending";
    this.#client.end();
    const timer = setTimeout(this.#closed.resolve, GOODBYE_MS);
    await this.#closed.promise;
    clearTimeout(timer);
    this.#end(undefined);
  }
}

function lossReason(error: (Error & ClientErrorExtensions) | undefined): string {
  if (error === undefined) return "the host closed it";
  return error.level === "client-timeout" ? "the host has not answered for 30 s" : error.message;
}

/** The service that a subject puts behind its proxy: `services/target.ts`, or another program with its options. */
export type ServiceUnderTest = {
  /** The program's absolute path; run by Node as `<program> --port <port> [--tls] [--keep] [--public-port <port>]`. */
  program: string;
  /** It speaks HTTPS with a self-signed certificate: `/sme` instead of `/me`. */
  tls: boolean;
  /** The proxy strips the prefix; otherwise the service is told its base path. */
  strip: boolean;
  /** The end of its URL (design 3.1). */
  slug: string;
};

/** A way of asking that the proxy lets pass: where, and with which headers. */
export type Access = {
  /** The service's root behind the proxy, without a slash at its end: `http://localhost:8787/me/51458`. */
  base: URL;
  headers: readonly (readonly [string, string])[];
};

/** A service that can be reached through the subject. */
export type Exposed = Access & {
  /** Base and slug, as a user opens it. */
  entry: URL;
  /** The port that the proxy reaches it by. */
  port: number;
  /** As a browser asks: by cookie, on the host that sessions are served on. */
  browser(): Promise<Access>;
  /** Removes the route; resolves once the proxy knows. */
  close(): Promise<void>;
};

/** A proxy that the suite can be run against. */
export interface ProxySubject extends AsyncDisposable {
  expose(service: ServiceUnderTest): Promise<Exposed>;
}

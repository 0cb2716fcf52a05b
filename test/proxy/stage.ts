import { fileURLToPath } from "node:url";
import { prefixOf } from "./client.ts";
import type { Exposed, ProxySubject, ServiceUnderTest } from "./subject.ts";

export type Combination = Pick<ServiceUnderTest, "tls" | "strip">;

/** What a chapter of the suite works on: one service behind the proxy, in one combination. */
export type Stage = Combination & {
  /** The service; there once the chapter's tests run. */
  readonly exposed: Exposed;
  /** Puts another such service behind the same proxy. */
  expose(): Promise<Exposed>;
};

/** The slug of every service of the suite: with a query, so that joining shows. */
export const SLUG = "inspect/tree?token=a%20b&at=%40";

const PROGRAM = fileURLToPath(new URL("services/target.ts", import.meta.url));

export const exposeTarget = (subject: ProxySubject, combination: Combination): Promise<Exposed> =>
  subject.expose({ program: PROGRAM, ...combination, slug: SLUG });

/** The target that the service must see when `path` is asked for behind the base. */
export const targetOf = (stage: Stage, path: string): string =>
  stage.strip ? path : `${prefixOf(stage.exposed)}${path}`;

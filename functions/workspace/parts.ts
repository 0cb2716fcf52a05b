import type { UserId } from "../../contract/person.ts";
import type { Env } from "../env.ts";
import type { Access } from "./access.ts";

/** The parts of a workspace's object that functions call by RPC; what they give back is plain data. */
export type Parts = { access: Access };

type Calls<Part> = {
  [
    Name in keyof Part as Part[Name] extends (...args: never[]) => Promise<unknown> ? Name : never
  ]: Part[Name];
};

/**
 * One part of a user's workspace, from outside. Each call is one round trip; no stub of the object's outlives it, which
 * would keep the object from being evicted.
 */
export function partOf<Name extends keyof Parts>(env: Env, user: UserId, name: Name): Calls<Parts[Name]> {
  const stub = env.WORKSPACE.getByName(user);
  return new Proxy({} as Calls<Parts[Name]>, {
    get: (_target, method) =>
      typeof method === "string"
        ? (...args: unknown[]): Promise<unknown> => stub.call(name, method, args)
        : undefined,
  });
}

/**
 * Answers `partOf`.
 * @throws RangeError for what is no method of a part
 */
export async function callPart(
  parts: Parts,
  name: string,
  method: string,
  args: unknown[],
): Promise<unknown> {
  const part: object | undefined = Object.hasOwn(parts, name) ? parts[name as keyof Parts] : undefined;
  const owner: object | null = part === undefined ? null : Object.getPrototypeOf(part);
  const own = owner === null ? undefined : Object.getOwnPropertyDescriptor(owner, method)?.value;
  if (part === undefined || typeof own !== "function" || method === "constructor")
    throw new RangeError(`a workspace has no ${name}.${method}`);
  return Reflect.apply(own, part, args);
}

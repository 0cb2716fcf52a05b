/** What of a part can be called from another object: its asynchronous methods, which take and give plain data. */
export type Calls<Part> = {
  [
    Name in keyof Part as Part[Name] extends (...args: never[]) => Promise<unknown> ? Name : never
  ]: Part[Name];
};

/** A Durable Object that is made of parts. */
type Stub = { call(part: string, method: string, args: unknown[]): Promise<unknown> };

/**
 * One part of a Durable Object, from outside. Each call is one round trip; no stub of the object's outlives it, which
 * would keep the object from being evicted.
 */
export const remotePart = <Part>(stub: Stub, name: string): Calls<Part> =>
  new Proxy({} as Calls<Part>, {
    get: (_target, method) =>
      typeof method === "string"
        ? (...args: unknown[]): Promise<unknown> => stub.call(name, method, args)
        : undefined,
  });

/**
 * Answers a call of `remotePart` inside the object.
 * @throws RangeError for what is no method of a part
 */
export async function callPart(
  parts: Record<string, object>,
  name: string,
  method: string,
  args: unknown[],
): Promise<unknown> {
  const part = Object.hasOwn(parts, name) ? parts[name] : undefined;
  const owner = part === undefined ? null : Reflect.getPrototypeOf(part);
  const own: unknown = owner === null ? undefined : Reflect.getOwnPropertyDescriptor(owner, method)?.value;
  if (typeof own !== "function" || method === "constructor")
    throw new RangeError(`nothing here has ${name}.${method}`);
  return Reflect.apply(own, part, args);
}

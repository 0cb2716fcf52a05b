/** Headers in the order they were sent; a name may repeat. */
export type HeaderList = [name: string, value: string][];

/** All that a list says under a name, as one value (RFC 9110, section 5.3); undefined for a name that it has not. */
export function valueOf(headers: HeaderList, name: string): string | undefined {
  const values = headers.filter(([each]) => each === name);
  return values.length === 0 ? undefined : values.map(([, value]) => value).join(", ");
}

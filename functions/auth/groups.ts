import type { Role } from "../../contract/person.ts";
import type { GroupsConfig } from "../config.ts";

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const own = (value: unknown, key: string): unknown =>
  isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;

/**
 * The groups that a claim names. The claim's name is taken as it stands (`https://example.org/groups`), and else as a path
 * (`realm_access.roles`). A single text is a single group; whatever else is no text is no group.
 */
export function groupsOf(claims: Readonly<Record<string, unknown>>, claim: string): string[] {
  const value = own(claims, claim) ?? claim.split(".").reduce<unknown>(own, claims);
  const groups: unknown[] = Array.isArray(value) ? value : [value];
  return groups.filter((group) => typeof group === "string").filter((group) => group !== "");
}

/** What the groups give; null when none of them may log in. Operators may in any case. */
export function roleFor(groups: readonly string[], config: GroupsConfig): Role | null {
  const isIn = (names: readonly string[]): boolean => groups.some((group) => names.includes(group));
  if (isIn(config.operators)) return "operator";
  return config.allowed === null || isIn(config.allowed) ? "user" : null;
}

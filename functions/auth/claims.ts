import { z } from "zod";
import type { Person } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";
import type { GroupsConfig } from "../config.ts";
import { groupsOf, roleFor } from "./groups.ts";
import { userIdOf } from "./person-id.ts";

/** What somebody else says of a person, in a token whose signature was found good. */
export type PersonClaims = Readonly<Record<string, unknown>>;

const Subject = z.string().min(1).max(255);
const NAME_LENGTH = 200;
/** Kept to share sessions with; the role is decided by all of them. */
const GROUPS_KEPT = 500;

/** A text to show, of one line. */
function textOf(value: unknown): string | null {
  if (typeof value !== "string") return null;
  const text = value
    .replaceAll(/\p{C}+/gu, " ")
    .trim()
    .slice(0, NAME_LENGTH);
  return text === "" ? null : text;
}

/** At most what SMTP takes (RFC 5321, section 4.5.3.1.3), in one word. */
const Address = z.string().regex(/^[^\s\p{C}]{1,254}$/u);

/** An address that the provider does not vouch for is none: others share by it. Nor is one that would have to be mended. */
const emailOf = ({ email, email_verified: verified }: PersonClaims): string | null =>
  verified === undefined || verified === true || verified === "true"
    ? (Address.safeParse(email).data ?? null)
    : null;

/**
 * Makes a person of their claims (OpenID Connect Core 1.0, section 5.1).
 * @throws BerthError `unauthorized` without a subject, `not_admitted` when none of their groups may log in
 */
export async function personOf(issuer: string, claims: PersonClaims, config: GroupsConfig): Promise<Person> {
  const subject = Subject.safeParse(claims["sub"]).data;
  if (subject === undefined) throw new BerthError("unauthorized", "the login does not say whose it is");
  const groups = groupsOf(claims, config.claim);
  const role = roleFor(groups, config);
  const email = emailOf(claims);
  const name = textOf(claims["name"]) ?? textOf(claims["preferred_username"]) ?? email ?? subject;
  if (role === null) throw new BerthError("not_admitted", `none of the groups of "${name}" may log in here`);
  const id = await userIdOf(issuer, subject);
  return { id, issuer, subject, name, email, groups: groups.slice(0, GROUPS_KEPT), role };
}

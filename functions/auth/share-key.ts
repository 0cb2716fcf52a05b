import type { Person } from "../../contract/person.ts";
import type { ShareWith } from "../../contract/share.ts";

/** Of ASCII alone: beyond it there are others whose lower case is a letter of ASCII. */
const lowerCase = (text: string): string => text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
const byEmail = (email: string): string => `email:${lowerCase(email.trim())}`;
const bySubject = (subject: string): string => `subject:${subject}`;
const byGroup = (name: string): string => `group:${name}`;

/** With whom something is shared, as one text: whoever has the same among theirs is meant. */
export function shareKey(whom: ShareWith): string {
  if (whom.kind === "group") return byGroup(whom.name);
  return "email" in whom ? byEmail(whom.email) : bySubject(whom.subject);
}

/** Everything that somebody can be meant by. */
export const shareKeysOf = ({
  subject,
  email,
  groups,
}: Pick<Person, "subject" | "email" | "groups">): string[] => [
  bySubject(subject),
  ...(email === null ? [] : [byEmail(email)]),
  ...groups.map(byGroup),
];

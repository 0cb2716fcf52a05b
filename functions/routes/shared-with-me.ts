import type { UserId } from "../../contract/person.ts";
import type { SharedSession, SharedWithMe } from "../../contract/share.ts";
import { shareKeysOf } from "../auth/share-key.ts";
import { registryPart } from "../registry/parts.ts";
import { sharingRefusal } from "../sharing.ts";
import { partOf } from "../workspace/parts.ts";
import { guestLink } from "./guest-link.ts";
import type { Console } from "./page.ts";

const NOTHING: SharedWithMe = { sessions: [], complete: true };

/**
 * What others share with whoever asks. The registry names the owners, and each of them says what is so right now: what
 * has ended is in no list. For pages and programs that look; nothing that somebody works in waits for it.
 */
export async function sharedWithMe(c: Console): Promise<SharedWithMe> {
  const { env } = c;
  const { user } = c.var.visitor;
  if (sharingRefusal(env) !== null) return NOTHING;
  const person = await partOf(env, user, "access").owner();
  if (person === null) return NOTHING;
  const { subject, email, groups } = person;
  const offersOf = async (owner: UserId): Promise<SharedSession[]> => {
    const offers = await partOf(env, owner, "shares").offers({ subject, email, groups }, c.var.sessionsHost);
    return offers.map(({ slug, ...offer }) => ({ ...offer, url: guestLink(c, { id: offer.session, slug }) }));
  };
  try {
    const owners = await registryPart(env, "shareOwners").ownersFor(shareKeysOf(person));
    // One's own, in a group that one is of oneself, is no news.
    const answers = await Promise.allSettled(owners.filter((owner) => owner !== user).map(offersOf));
    const sessions = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
    return {
      sessions: sessions.toSorted((a, b) => b.sharedAt.localeCompare(a.sharedAt)),
      complete: answers.every(({ status }) => status === "fulfilled"),
    };
  } catch (error) {
    console.error("the registry could not say who shares with somebody:", error);
    return { sessions: [], complete: false };
  }
}

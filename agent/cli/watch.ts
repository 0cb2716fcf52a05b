import { setTimeout as delay } from "node:timers/promises";
import type { Session } from "../../contract/session.ts";
import type { Api } from "../api.ts";

const INTERVAL_MS = 250;

/** A session as it changes: asked for again and again, so that a restart of the edge in between goes unnoticed. */
export async function* watchSession(api: Api, id: string): AsyncGenerator<Session> {
  for (;;) {
    yield await api.session(id);
    await delay(INTERVAL_MS);
  }
}

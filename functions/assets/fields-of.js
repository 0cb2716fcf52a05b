/**
 * The fields of an event of Berth's streams, whose data is a JSON object.
 * @param {Event} event
 * @returns {Record<string, unknown>} empty for an event without data
 */
export function fieldsOf(event) {
  /** @type {unknown} */
  const data = event instanceof MessageEvent ? JSON.parse(String(event.data)) : null;
  return typeof data === "object" && data !== null ? { ...data } : {};
}

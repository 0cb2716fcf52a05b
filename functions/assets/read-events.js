// Server-sent events by `fetch`: unlike an EventSource, a stream can begin where another one stopped.

/** @typedef {{ type: string, id: string, data: string }} StreamEvent */

/**
 * One block of the stream (WHATWG HTML, section 9.2.6), as far as Berth's own streams use it: a line per field.
 * @param {string} block
 * @returns {StreamEvent}
 */
function parse(block) {
  const event = { type: "message", id: "", data: "" };
  for (const line of block.split("\n")) {
    const [field = "", value = ""] = line.split(/: ?(.*)/s);
    if (field === "event") event.type = value;
    if (field === "id") event.id = value;
    if (field === "data") event.data = value;
  }
  return event;
}

/**
 * Reads a stream to its end.
 * @param {string} url
 * @param {{ lastId: string, signal: AbortSignal }} options `lastId` is the id of the last event that is known already
 * @returns {AsyncGenerator<StreamEvent>}
 * @throws Error when there is no such stream, or when it breaks
 */
export async function* readEvents(url, { lastId, signal }) {
  const headers = new Headers({ accept: "text/event-stream" });
  if (lastId !== "") headers.set("last-event-id", lastId);
  const response = await fetch(url, { headers, signal });
  if (!response.ok || response.body === null) throw new Error(`${url} answered ${response.status}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (text + value).split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = parse(block);
      if (event.data !== "") yield event;
    }
  }
}

import { z } from "zod";

const ServerEvent = z.object({ event: z.string(), data: z.unknown() });
type ServerEvent = z.infer<typeof ServerEvent>;

/** Reads an answer that is an event stream (WHATWG HTML, section 9.2), one event at a time. */
export class EventReader implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(response: Response) {
    const type = response.headers.get("content-type");
    if (response.body === null || type !== "text/event-stream; charset=utf-8")
      throw new Error(`${response.status} ${type} is no event stream`);
    this.#reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The next event; what carries no data is passed over. */
  async next(): Promise<ServerEvent> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end === -1) {
        const { done, value } = await this.#reader.read();
        if (done) throw new Error("the event stream has ended");
        this.#text += value;
        continue;
      }
      const block = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 2);
      const event = readEvent(block);
      if (event !== undefined) return event;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel();
  }
}

function readEvent(block: string): ServerEvent | undefined {
  const fields = new Map(
    block.split("\n").map((line): [string, string] => {
      const [name = "", value = ""] = line.split(/: ?(.*)/s, 2);
      return [name, value];
    }),
  );
  const data = fields.get("data");
  return data === undefined
    ? undefined
    : ServerEvent.parse({ event: fields.get("event"), data: JSON.parse(data) });
}

import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { Webhook } from "standardwebhooks";

/* Takes what Berth tells the platform: believes only what is signed, and prints a line for each event. */

const { WEBHOOK_SECRET = "", PORT = "0" } = process.env;
const webhook = new Webhook(WEBHOOK_SECRET);

/** Ids that came already: an event comes again when its answer was lost. A real receiver keeps them in its database. */
const known = new Set<string>();

/** The exact text: the signature is over these bytes, not over what JSON.parse makes of them. */
async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.byteLength;
    if (length > 1_048_576) throw new RangeError("the message is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function take(request: IncomingMessage): Promise<number> {
  const header = (name: string): string => String(request.headers[name] ?? "");
  const text = await textOf(request);
  try {
    webhook.verify(text, {
      "webhook-id": header("webhook-id"),
      "webhook-timestamp": header("webhook-timestamp"),
      "webhook-signature": header("webhook-signature"),
    });
  } catch {
    return 401;
  }
  const id = header("webhook-id");
  if (known.has(id)) return 204;
  known.add(id);
  const { type, data } = JSON.parse(text) as {
    type: string;
    data: { user: string; session: { id: string; name: string; state: string; error: string } };
  };
  const { session } = data;
  const why = session.error === "" ? "" : ` (${session.error.split("\n", 1)[0]})`;
  console.log(`${type}: ${session.name} ${session.id} of ${data.user} is ${session.state}${why}`);
  // What takes longer is done after the answer: Berth waits ten seconds for it.
  return 204;
}

const server = createServer((request, response) => {
  take(request).then(
    (status) => response.writeHead(status).end(),
    () => response.writeHead(400).end(),
  );
}).listen(Number(PORT), "127.0.0.1");
await once(server, "listening");
const address = server.address();
console.log(`listening on http://127.0.0.1:${typeof address === "object" ? address?.port : address}`);

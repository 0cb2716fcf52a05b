import { randomUUID } from "node:crypto";
import { Webhook } from "standardwebhooks";

/* Asks Berth for something as the platform does: node docs/examples/platform-call.ts session.launch '{"user": …}' */

const { WEBHOOK_SECRET = "", BERTH_EDGE = "http://localhost:8787" } = process.env;
const [, , type = "session.status", data = "{}"] = process.argv;

/** A try again is the same message under the same id: whatever it asks for is done once. */
const id = `msg_${randomUUID()}`;
const now = new Date();
const body = JSON.stringify({ type, timestamp: now.toISOString(), data: JSON.parse(data) as unknown });

const response = await fetch(`${BERTH_EDGE}/webhooks/platform`, {
  method: "POST",
  headers: {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
    "webhook-signature": new Webhook(WEBHOOK_SECRET).sign(id, now, body),
  },
  body,
});
console.log(response.status, await response.text());
process.exitCode = response.ok ? 0 : 1;

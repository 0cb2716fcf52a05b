import { describe, expect, it } from "vitest";
import { AgentFrame, decodeFrame, encodeFrame } from "../../contract/frames.ts";
import { streamId } from "../../contract/ids.ts";

const id = streamId((bytes) => crypto.getRandomValues(bytes));
const head = AgentFrame.parse({ type: "segment", id, seq: 3, end: true });

describe("a frame on the Worker's side", () => {
  it("runs on workerd", () => {
    expect(navigator.userAgent).toBe("Cloudflare-Workers");
  });

  it("crosses a WebSocket with a payload and without", async () => {
    const [edge, agent] = Object.values(new WebSocketPair());
    if (edge === undefined || agent === undefined) throw new Error("a pair has two ends");
    // Without it workerd delivers a Blob, whose bytes can only be had later.
    edge.binaryType = "arraybuffer";
    edge.accept();
    agent.accept();
    const { promise, resolve } = Promise.withResolvers<unknown[]>();
    const received: unknown[] = [];
    edge.addEventListener("message", ({ data }) => {
      if (received.push(decodeFrame(AgentFrame, data)) === 2) resolve(received);
    });
    agent.send(encodeFrame(head, new Uint8Array([0, 255, 10])));
    agent.send(encodeFrame(head));
    expect(await promise).toEqual([
      { head, payload: new Uint8Array([0, 255, 10]) },
      { head, payload: new Uint8Array(0) },
    ]);
    edge.close();
  });
});

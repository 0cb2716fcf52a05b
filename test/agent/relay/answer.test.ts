import { expect, it } from "vitest";
import type { AgentFrame } from "../../../contract/frames.ts";
import { streamId } from "../../../contract/ids.ts";
import { AnswerSender } from "../../../agent/relay/answer.ts";

it("an answer that may not be read any more is broken off on both sides, once", () => {
  const sent: AgentFrame[] = [];
  const told: string[] = [];
  const id = streamId((bytes) => crypto.getRandomValues(bytes));
  const edge = {
    send: (frame: AgentFrame) => void sent.push(frame),
    post: () => {
      throw new Error("nothing here is large");
    },
  };
  const source = {
    pause: () => undefined,
    resume: () => undefined,
    abort: () => void told.push("the source"),
  };
  const sender = new AnswerSender(id, edge, source, () => told.push("the owner"));
  sender.head(200, [["content-type", "text/event-stream"]], null);
  sender.cut("the login is over");
  sender.cut("the login is over");
  sender.write(new TextEncoder().encode("data: secret\n\n"));
  sender.end();
  expect(sent).toEqual([{ type: "fail", id, code: "broken", message: "the login is over" }]);
  expect(told).toEqual(["the owner", "the source"]);
});

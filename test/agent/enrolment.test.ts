import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentKey } from "../../agent/agent-key.ts";
import { Enrolment, leave } from "../../agent/enrolment.ts";
import { EnrolmentPoll, EnrolmentRequest, type EnrolmentState } from "../../contract/enrolment.ts";
import { LOCAL_USER } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";

/** What the edge answers to each poll in turn: a state, a problem, or nothing at all. */
let answers: (EnrolmentState | BerthError | "nothing")[];
let turns: number[];
/** How long the edge waits for somebody to decide, seconds. */
let expiresIn: number;
let edge: URL;
let server: Server;
let home: string;
const signal = new AbortController().signal;

const APPROVED: Extract<EnrolmentState, { status: "approved" }> = {
  status: "approved",
  token: "berth_agent_x",
  user: LOCAL_USER,
  name: "Ana",
  account: "ana@example.org",
};

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "berth-enrolment-"));
  [answers, turns, expiresIn] = [[], [], 60];
  server = createServer((request, response) => {
    const say = (status: number, body: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    void json(request)
      .catch(() => undefined)
      .then((body) => {
        if (request.url === "/enroll/start") {
          EnrolmentRequest.parse(body);
          const url = `${edge.origin}/join`;
          const codes = { deviceCode: "device", userCode: "BCDF-GHJK", verificationUrl: url };
          return say(201, { ...codes, verificationUrlComplete: url, expiresIn, interval: 0.01 });
        }
        if (request.url !== "/enroll/poll") return say(404, "nothing");
        turns.push(EnrolmentPoll.parse(body).turn);
        const answer = answers.shift() ?? { status: "pending" };
        if (answer === "nothing") return response.destroy();
        return answer instanceof BerthError ? say(answer.status, answer.problem) : say(200, answer);
      });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  edge = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(home, { recursive: true, force: true });
});

const started = async (): Promise<Enrolment> => Enrolment.start(edge, await AgentKey.open(home), signal);

describe("an enrolment", () => {
  it("goes on while the edge is away for a moment, each poll by a turn of its own", async () => {
    answers = [{ status: "pending" }, "nothing", new BerthError("internal", "the edge starts"), APPROVED];
    expect(await (await started()).approved(signal)).toEqual({
      edge,
      token: "berth_agent_x",
      name: "Ana",
      user: LOCAL_USER,
      account: "ana@example.org",
    });
    expect(turns).toEqual([1, 2, 3, 4]);
  });

  it("is told less of who has approved by an edge that is older", async () => {
    const { account: _, ...older } = APPROVED;
    answers = [older];
    await expect((await started()).approved(signal)).resolves.toMatchObject({
      name: "Ana",
      user: LOCAL_USER,
      account: undefined,
    });
  });

  it("goes on when it is asked to slow down", async () => {
    answers = [{ status: "slow_down", interval: 0.02 }, APPROVED];
    await expect((await started()).approved(signal)).resolves.toMatchObject({ token: "berth_agent_x" });
  });

  it.each<[string, EnrolmentState | BerthError, string]>([
    ["denied", { status: "denied", reason: "it was denied in the console" }, "it was denied in the console"],
    ["expired", { status: "expired" }, "nobody approved this machine in time"],
    [
      "refused",
      new BerthError("invalid_request", "the proof is not of the key that asked"),
      "the proof is not",
    ],
  ])("that is %s ends with the reason", async (_how, answer, reason) => {
    answers = [answer];
    await expect((await started()).approved(signal)).rejects.toThrow(reason);
  });

  it("ends by itself when nobody answers within its time", async () => {
    expiresIn = 1;
    await expect((await started()).approved(signal)).rejects.toThrow("nobody approved this machine in time");
  });

  it("is told from what is no edge of Berth's", async () => {
    const { origin } = edge;
    server.removeAllListeners("request");
    server.on("request", (_request, response) => response.end("<html>a proxy's own page</html>"));
    await expect(started()).rejects.toThrow(`what answers at ${origin} does not speak as Berth's edge does`);
  });
});

it("an edge that cannot be told of the leaving is named", async () => {
  const trouble = await leave({ edge: new URL("http://127.0.0.1:1"), token: "berth_agent_x", name: "Ana" });
  expect(trouble).toBe("http://127.0.0.1:1 does not answer");
});

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkApprover } from "../../../agent/cli/approver.ts";
import type { Approval } from "../../../agent/enrolment.ts";
import { UserId } from "../../../contract/person.ts";

const ANA = UserId.parse("u0123456789abcdefghjk");

let server: Server;
/** What the edge was asked, each with the token that was shown. */
let asked: string[];
let approval: Approval;
const { signal } = new AbortController();

beforeEach(async () => {
  asked = [];
  server = createServer(({ method, url, headers: { authorization } }, response) => {
    asked.push(`${method} ${url} ${authorization}`);
    response.writeHead(204).end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const edge = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  approval = { edge, token: "berth_agent_x", name: "Ana", user: ANA, account: "ana@example.org" };
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

describe("who is expected to approve", () => {
  it.each(["ana@example.org", "Ana@Example.org", ANA])("may be named as %s", async (expected) => {
    await checkApprover(approval, expected, signal);
    expect(asked).toEqual([]);
  });

  it("may be named by a subject", async () => {
    await checkApprover({ ...approval, account: "ana" }, "ana", signal);
    expect(asked).toEqual([]);
  });

  it.each([
    ["by the name alone, which anybody may have", { account: "mallory@example.org" }, "Ana"],
    [
      "as somebody else's name",
      { account: "mallory@example.org", name: "ana@example.org" },
      "ana@example.org",
    ],
    ["by a subject in another case, which may be another's", { account: "ANA" }, "ana"],
    ["by an email at an edge that tells none", { account: undefined }, "ana@example.org"],
  ])("is not known %s: what was given is given back", async (_how, changes, expected) => {
    await expect(checkApprover({ ...approval, ...changes }, expected, signal)).rejects.toMatchObject({
      code: "wrong_approver",
    });
    expect(asked).toEqual(["POST /agent/leave Bearer berth_agent_x"]);
  });

  it("is named, with who it was in their place", async () => {
    const other = { ...approval, account: "mallory@example.org", name: "Mal\u001B[2Klory" };
    await expect(checkApprover(other, "ana@example.org", signal)).rejects.toThrow(
      `Cannot join ${approval.edge.origin}: mallory@example.org (Mal [2Klory) approved it, not ana@example.org. It is revoked there, and nothing is kept here`,
    );
    const older = { ...approval, account: undefined };
    await expect(checkApprover(older, "ana", signal)).rejects.toThrow(`${ANA} (Ana) approved it, not ana`);
  });

  it("is told when an edge cannot be reached to give back what it gave", async () => {
    const away = { ...approval, edge: new URL("http://127.0.0.1:1") };
    await expect(checkApprover(away, "ben", signal)).rejects.toThrow(
      "Nothing is kept here, but it could not be revoked there: http://127.0.0.1:1 does not answer",
    );
  });
});

import { describe, expect, it } from "vitest";
import { BerthError, type ProblemCode } from "../../contract/problem.ts";
import { problemPage } from "../../functions/views/problem-page.tsx";
import { render, textOf } from "./markup.ts";

describe("an error's page", () => {
  it.each<[ProblemCode, string]>([
    ["not_found", "Its address may be mistyped"],
    ["unknown_session", "Its address may be mistyped"],
    ["unknown_service", "Its name may be mistyped"],
    ["unknown_resource", "Its name may be mistyped"],
    ["too_many_requests", "Try again in a moment."],
    ["invalid_request", "Correct it and try again."],
  ])("says of %s what a reader can do, not what a program could", async (code, remedy) => {
    const text = textOf(await render(problemPage(new BerthError(code, "it is so").problem)));
    expect(text).toContain("It is so.");
    expect(text).toContain(remedy);
    expect(text).not.toMatch(/berth \w+|Retry-After|field/);
  });
});

import { describe, expect, it } from "vitest";
import { consoleApp } from "./console-app.ts";
import { all, one, textOf } from "./markup.ts";
import { before, resource } from "./samples.ts";

const page = async (...resources: ReturnType<typeof resource>[]): Promise<string> =>
  (await consoleApp({ resources }).get("/resources")).text();

describe("the clusters' page", () => {
  it("has each cluster's state, scheduler and partitions", async () => {
    const html = await page(resource());
    expect(one(html, "aria-current", "page").attributes.get("href")).toBe("/resources");
    expect(one(html, "data-look", "reachable").name).toBe("span");
    const text = textOf(html.slice(one(html, "id", "resources").at));
    expect(text).toContain("hopper reachable Slurm ana@login.hopper.example as of");
    expect(text).toContain("batch default up 12 of 128 up to 7 d — —");
    expect(text).toContain("gpu up 6 of 8 up to 24 h 1 h unless asked for 32 CPUs, 512 GiB 21 of 32 a100");
    expect(text).toContain("debug down maintenance 1 in all — — —");
  });

  it("says what is wrong with one that cannot be reached, and since when", async () => {
    const trouble = { text: "Connection timed out", since: before(900_000) };
    const html = await page(
      resource({
        name: "lowe",
        scheduler: "pbs",
        state: "unreachable",
        trouble,
        partitions: [],
        askedAt: null,
      }),
    );
    expect(one(html, "data-look", "not reachable").name).toBe("span");
    const text = textOf(html);
    expect(text).toContain("Connection timed out Since 11:45 UTC");
    expect(text).toContain("Its partitions have not been read yet.");
    expect(all(html, "table")).toEqual([]);
  });

  it("calls what PBS has queues", async () => {
    expect(textOf(await page(resource({ scheduler: "pbs" })))).toContain("Queue State Nodes free");
  });

  it("knows nothing of a cluster now while the workspace is away", async () => {
    const html = await page(resource({ reachable: false }));
    expect(one(html, "data-look", "not reachable").name).toBe("span");
    expect(textOf(html)).toContain("12 of 128");
  });

  it("says that sessions run on the controller where there is no scheduler", async () => {
    const html = await page(resource({ scheduler: "none", partitions: [], askedAt: null, state: "unasked" }));
    expect(textOf(html)).toContain("no scheduler: sessions run on its controller");
    expect(textOf(html)).not.toContain("have not been read");
  });

  it("teaches what a cluster is while there is none, and how to add one", async () => {
    const html = await page();
    expect(textOf(html)).toContain("No clusters yet");
    const command = "./berth resource add hopper --host me@login.hopper.example";
    expect(one(html, "data-copy", command).name).toBe("button");
  });

  it("fetches itself anew when a cluster changes", async () => {
    const trigger = one(await page(resource()), "id", "resources").attributes.get("hx-trigger");
    expect(trigger).toContain("berth:resources from:body");
  });
});

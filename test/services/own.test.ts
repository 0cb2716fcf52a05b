import { join } from "node:path";
import { expect, it } from "vitest";
import { Catalogue } from "../../agent/catalogue.ts";

it("Berth's own services are whole: described, drawn, and with a way to install what they need", async () => {
  const catalogue = await Catalogue.load([join(import.meta.dirname, "../../services")], { path: "/nowhere" });
  const entries = catalogue.entries();
  expect(entries.map(({ name }) => name)).toEqual(["nginx", "jupyter-notebook", "webshell", "vscode"]);
  for (const { name, broken, icon, description, inputs, missing, install } of entries) {
    expect([name, broken]).toEqual([name, null]);
    expect(icon).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 48 48"/);
    expect(description.length).toBeGreaterThan(40);
    expect(inputs.filter(({ help = "", label = "" }) => help === "" || label === "")).toEqual([]);
    expect(install.length).toBe(missing.length);
  }
  // A shell runs on a fresh machine with nothing else installed.
  expect(catalogue.get("webshell")?.entry.installed).toBe(true);
});

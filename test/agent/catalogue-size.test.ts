import { describe, expect, it } from "vitest";
import { fitting } from "../../agent/catalogue.ts";
import { AgentFrame, jsonSize, ROW_LIMIT } from "../../contract/frames.ts";
import { type CatalogueEntry, Input } from "../../contract/service.ts";

describe("a catalogue that is more than the link carries", () => {
  const entry = (name: string, changes: Partial<CatalogueEntry> = {}): CatalogueEntry => ({
    name,
    title: name,
    description: "",
    icon: null,
    placements: ["workspace"],
    inputs: [],
    installed: true,
    missing: [],
    install: [],
    broken: null,
    ...changes,
  });
  const isTaken = (services: CatalogueEntry[]): boolean =>
    AgentFrame.safeParse({ type: "catalogue", services }).success;
  const many = (count: number, changes: Partial<CatalogueEntry>): CatalogueEntry[] =>
    Array.from({ length: count }, (_, index) => entry(`service-${index}`, changes));

  it("goes without its icons", () => {
    const services = many(40, { icon: "\u00e9".repeat(32_768) });
    expect(isTaken(services)).toBe(false);
    expect(fitting(services)).toEqual(many(40, {}));
    expect(fitting(services.slice(0, 10))).toEqual(services.slice(0, 10));
  });

  it("goes without its largest forms, and says so", () => {
    const options = Array.from({ length: 400 }, (_, index) => ({ value: `${index}`.padEnd(1000, "x") }));
    const large = { inputs: [Input.parse({ name: "choice", type: "choice", options })] };
    const services = [entry("small"), ...many(8, large)];
    expect(isTaken(services)).toBe(false);
    const fits = fitting(services);
    expect(isTaken(fits)).toBe(true);
    expect(jsonSize(fits)).toBeGreaterThan(ROW_LIMIT / 2);
    expect(fits[0]).toEqual(entry("small"));
    expect(fits.filter(({ broken }) => broken !== null).length).toBeGreaterThan(0);
    expect(fits.map(({ name }) => name)).toEqual(services.map(({ name }) => name));
  });
});

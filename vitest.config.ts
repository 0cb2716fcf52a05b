import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["contract", "agent", "services", "local", "repository"].map(
            (part) => `test/${part}/**/*.test.ts`,
          ),
        },
      },
      {
        // These run inside workerd, with the Worker's own bindings and a fresh storage for every file.
        plugins: [
          cloudflareTest({ main: "./functions/index.ts", wrangler: { configPath: "./wrangler.toml" } }),
        ],
        test: {
          name: "edge",
          include: ["test/functions/**/*.test.ts"],
          // Without it vitest empties every style sheet, those imported as text too.
          css: true,
        },
      },
      {
        test: {
          name: "system",
          include: ["test/proxy/**/*.test.ts", "test/e2e/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // One at a time and after the others: they start browsers and measure how things react.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});

import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

// The projects run one after the other. Their order is numbered from 1, because with one worker vitest takes the
// order 0 for none and runs such a project last.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["contract", "agent", "services", "local", "bench", "repository", "views"].map(
            (part) => `test/${part}/**/*.test.ts`,
          ),
          // Of work, not of waiting: a machine that does other things besides takes its time for it.
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Without it vitest empties every style sheet, those imported as text too.
          css: true,
          sequence: { groupOrder: 1 },
          maxWorkers: "100%",
        },
      },
      {
        // These run inside workerd, with the Worker's own bindings and a fresh storage for every file.
        plugins: [
          cloudflareTest({
            main: "./functions/index.ts",
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                BERTH_CONSOLE_HOST: "localhost",
                BERTH_SESSIONS_HOST: "sessions.localhost",
                BERTH_LOGIN: "link",
                BERTH_API_TOKEN: "the-api-token-of-the-tests",
                BERTH_AGENT_TOKEN: "the-agent-token-of-the-tests",
                BERTH_COOKIE_SECRET: "the-cookie-secret-of-the-tests",
                BERTH_WEBHOOK_SECRETS:
                  "whsec_dGhlLW5ldy1rZXktb2YtdGhlLXRlc3RzLWJ5dGVz whsec_dGhlLW9sZC1rZXktb2YtdGhlLXRlc3RzLWJ5dGVz",
              },
            },
          }),
        ],
        test: {
          name: "edge",
          include: ["test/functions/**/*.test.ts", "test/attacks/edge/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Without it vitest empties every style sheet, those imported as text too.
          css: true,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "system",
          include: ["test/proxy/**/*.test.ts", "test/e2e/**/*.test.ts", "test/attacks/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // They start browsers, and real programs with deadlines of their own: no more at a time than there are cores.
          maxWorkers: 2,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: "cluster",
          include: ["test/cluster/**/*.test.ts"],
          testTimeout: 180_000,
          // Longer than what may fail in a hook: a hook that is given up on leaves its cluster behind.
          hookTimeout: 120_000,
          // Each file has a cluster of its own; most of their time they wait.
          maxWorkers: 2,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "test/contract/**/*.test.ts",
            "test/agent/**/*.test.ts",
            "test/services/**/*.test.ts",
            "test/repository/**/*.test.ts",
          ],
        },
      },
      {
        test: {
          name: "system",
          include: ["test/proxy/**/*.test.ts", "test/e2e/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
